"""Google and Salesforce as one local HTTP server; imports nothing of the project."""
