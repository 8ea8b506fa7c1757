"""The addresses of Salesforce's APIs."""

from __future__ import annotations

from simulator.routing import Route
from simulator.salesforce import collections, consent, oauth, query, resources, sobjects

DATA = "services/data/{version}"
EVENT = DATA + "/sobjects/Event"
KEYED = EVENT + "/{field}/{value}"
MANY = DATA + "/composite/sobjects"

AUTHORIZE = "services/oauth2/authorize"

ROUTES = [
    Route("GET", AUTHORIZE, "salesforce.authorize", consent.show),
    Route("POST", AUTHORIZE, "salesforce.consent", consent.decide),
    Route("POST", "services/oauth2/token", "salesforce.token", oauth.issue_token),
    Route("POST", "services/oauth2/revoke", "salesforce.revoke", oauth.revoke),
    Route("POST", "services/oauth2/introspect", "salesforce.introspect", oauth.introspect),
    Route("GET", "services/oauth2/userinfo", "salesforce.userinfo", oauth.user_info, "identity"),
    Route("GET", "services/data", "salesforce.versions", resources.versions),
    Route("GET", DATA, "salesforce.resources", resources.resources, "session"),
    Route("GET", DATA + "/limits", "salesforce.limits", resources.limits, "session"),
    Route("GET", DATA + "/query", "salesforce.query", query.run_query, "session"),
    Route("GET", DATA + "/queryAll", "salesforce.queryall", query.run_query_all, "session"),
    Route("GET", DATA + "/query/{locator}", "salesforce.querymore", query.query_more, "session"),
    Route("GET", DATA + "/queryAll/{locator}", "salesforce.querymore", query.query_more, "session"),
    Route("GET", DATA + "/sobjects/User/{id}", "salesforce.user.get", sobjects.get_user, "session"),
    Route("POST", EVENT, "salesforce.event.create", sobjects.create_event, "session"),
    Route(
        "GET", EVENT + "/describe", "salesforce.event.describe", resources.describe_event, "session"
    ),
    Route(
        "GET", EVENT + "/deleted", "salesforce.event.deleted", sobjects.deleted_events, "session"
    ),
    Route(
        "GET", EVENT + "/updated", "salesforce.event.updated", sobjects.updated_events, "session"
    ),
    Route("GET", EVENT + "/{id}", "salesforce.event.get", sobjects.get_event, "session"),
    Route("PATCH", EVENT + "/{id}", "salesforce.event.update", sobjects.update_event, "session"),
    Route("DELETE", EVENT + "/{id}", "salesforce.event.delete", sobjects.delete_event, "session"),
    Route("GET", KEYED, "salesforce.event.get", sobjects.get_by_key, "session"),
    Route("PATCH", KEYED, "salesforce.event.upsert", sobjects.upsert_event, "session"),
    Route("DELETE", KEYED, "salesforce.event.delete", sobjects.delete_by_key, "session"),
    Route("POST", MANY, "salesforce.collection.create", collections.create_many, "session"),
    Route("PATCH", MANY, "salesforce.collection.update", collections.update_many, "session"),
    Route("DELETE", MANY, "salesforce.collection.delete", collections.delete_many, "session"),
    Route(
        "PATCH",
        MANY + "/Event/{field}",
        "salesforce.collection.upsert",
        collections.upsert_many,
        "session",
    ),
]
