"""Salesforce's OAuth endpoints and REST API."""
