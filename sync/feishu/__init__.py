"""A base of Feishu (多维表格): calls, cells, and what is wrong in words."""
