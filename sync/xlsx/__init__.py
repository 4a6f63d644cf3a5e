"""Spreadsheet packages: an .xlsx file changed part by part, so that what nobody asked to change stays byte for byte."""
