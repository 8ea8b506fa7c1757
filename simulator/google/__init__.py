"""Google's OAuth endpoint and Calendar API v3."""
