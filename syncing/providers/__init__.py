"""Google Calendar and Salesforce as the engine calls them."""
