"""The vendors' public status pages: Google Workspace Status and Salesforce Trust."""
