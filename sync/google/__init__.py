"""Google Sheets: the calls to the service, and the shared sheet as it is seen through them."""
