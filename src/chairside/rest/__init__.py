"""The REST API: HTTP in, HTTP out."""
