"""Faults with the bodies and statuses that were seen in the field, by name.

Bodies are worded as vendors' error pages and public bug reports have them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from simulator.faults import Fault, fault_from


def calendar_error(
    code: int, reason: str, message: str, *, domain: str = "usageLimits"
) -> dict[str, Any]:
    detail = {"domain": domain, "reason": reason, "message": message}
    error = {"errors": [detail], "code": code, "message": message}
    return {"status": code, "body": json.dumps({"error": error}, indent=1)}


def oauth_error(status: int, error: str, description: str | None = None) -> dict[str, Any]:
    body = {"error": error}
    if description:
        body["error_description"] = description
    return {"status": status, "body": json.dumps(body)}


def rest_error(status: int, code: str, message: str, *fields: str) -> dict[str, Any]:
    body = [{"message": message, "errorCode": code, "fields": list(fields)}]
    return {"status": status, "body": json.dumps(body)}


BAD_GATEWAY = (
    "<!DOCTYPE html>\n<html lang=en>\n  <meta charset=utf-8>\n"
    "  <title>Error 502 (Server Error)!!1</title>\n"
    "  <p><b>502.</b> <ins>That&rsquo;s an error.</ins>\n"
    "  <p>The server encountered a temporary error and could not complete your request."
    "<p>Please try again in 30 seconds.  <ins>That&rsquo;s all we know.</ins>"
)
MAINTENANCE = (
    '<span style="font-family: Verdana; font-size: medium; font-weight: bold;">'
    "We are down for maintenance.</span><br><br>Sorry for the inconvenience. "
    "We'll be back shortly."
)
QUOTA = (
    "Quota exceeded for quota metric 'Queries' and limit 'Queries per minute per user' of service "
    "'calendar-json.googleapis.com' for consumer 'project_number:1'."
)
TRIGGER = (
    "EventTrigger: execution of BeforeInsert\n\ncaused by: System.NullPointerException: "
    "Attempt to de-reference a null object\n\nTrigger.EventTrigger: line 12, column 1"
)
LOCKED_TRIGGER = (
    "EventTrigger: execution of AfterUpdate\n\ncaused by: System.DmlException: Update failed. "
    "First exception on row 0; first error: UNABLE_TO_LOCK_ROW, unable to obtain exclusive access "
    "to this record: []"
)
SORRY = (
    '<HTML><HEAD><meta http-equiv="content-type" content="text/html;charset=utf-8">\n'
    "<TITLE>302 Moved</TITLE></HEAD><BODY>\n<H1>302 Moved</H1>\nThe document has moved\n"
    "</BODY></HTML>"
)
UNKNOWN = (
    "An unexpected error occurred. Please include this ErrorId if you contact support: "
    "1452464078-314667 (-1173371248)"
)
RECORD_WRITES = "salesforce.event.[cu]*"
EVENTS = "google.events.*"
REST = "salesforce.[!t]*"

READY_FAULTS: dict[str, dict[str, Any]] = {
    "google-revoked": {
        "operation": "google.token",
        **oauth_error(400, "invalid_grant", "Token has been expired or revoked."),
    },
    "google-account-deleted": {
        "operation": "google.token",
        **oauth_error(400, "invalid_grant", "The account has been deleted"),
    },
    "google-bare-invalid-grant": {
        "operation": "google.token",
        **oauth_error(400, "invalid_grant"),
    },
    "google-reauthentication": {
        "operation": "google.token",
        "status": 400,
        "body": '{"error": "invalid_grant", "error_description": "reauth related error '
        '(rapt_required)", "error_subtype": "rapt_required"}',
    },
    "google-not-delegated": {
        "operation": "google.token",
        **oauth_error(
            401,
            "unauthorized_client",
            "Client is unauthorized to retrieve access tokens using this method, "
            "or client not authorized for any of the scopes requested.",
        ),
    },
    "google-token-internal": {
        "operation": "google.token",
        **oauth_error(500, "internal_failure", "Backend Error"),
    },
    "google-token-502": {"operation": "google.token", "status": 502, "body": BAD_GATEWAY},
    "google-token-sorry": {
        "operation": "google.token",
        "status": 302,
        "body": SORRY,
        "headers": {"Location": "/sorry/IndexRedirect"},
    },
    "google-rate-limit": {
        "operation": EVENTS,
        **calendar_error(403, "rateLimitExceeded", "Rate Limit Exceeded"),
    },
    "google-rate-limit-429": {
        "operation": EVENTS,
        **calendar_error(429, "rateLimitExceeded", "Rate Limit Exceeded"),
    },
    "google-quota": {"operation": EVENTS, **calendar_error(403, "rateLimitExceeded", QUOTA)},
    "google-calendar-usage-limit": {
        "operation": "google.events.insert",
        **calendar_error(403, "quotaExceeded", "Calendar usage limits exceeded."),
    },
    "google-backend-error": {
        "operation": EVENTS,
        **calendar_error(500, "backendError", "Backend Error", domain="global"),
    },
    "google-access-not-configured": {
        "operation": "google.[ce]*",
        **calendar_error(
            403,
            "accessNotConfigured",
            "Access Not Configured. Please use Google Developers Console to activate the API "
            "for your project.",
        ),
    },
    "google-invalid-credentials": {
        "operation": EVENTS,
        **calendar_error(401, "authError", "Invalid Credentials", domain="global"),
    },
    "google-full-sync-required": {
        "operation": "google.events.list",
        **calendar_error(
            410,
            "fullSyncRequired",
            "Sync token is no longer valid, a full sync is required.",
            domain="calendar",
        ),
    },
    "google-conflict": {
        "operation": "google.events.[ipu]*",
        **calendar_error(409, "conflict", "Conflict", domain="global"),
    },
    "google-empty-list": {
        "operation": "google.events.list",
        "status": 200,
        "body": '{"kind": "calendar#events", "etag": "\\"p0\\"", "summary": "", "items": []}',
    },
    "salesforce-maintenance": {
        "operation": "salesforce.*",
        "status": 503,
        "body": MAINTENANCE,
    },
    "salesforce-read-only": {
        "operation": REST,
        **rest_error(
            401, "INVALID_SESSION_ID", "This session is not valid for use with the REST API"
        ),
    },
    "salesforce-session-expired": {
        "operation": REST,
        **rest_error(401, "INVALID_SESSION_ID", "Session expired or invalid"),
    },
    "salesforce-row-lock": {
        "operation": RECORD_WRITES,
        **rest_error(
            400,
            "UNABLE_TO_LOCK_ROW",
            "unable to obtain exclusive access to this record or 1 records: 001000000000001AAA",
        ),
    },
    "salesforce-trigger": {
        "operation": RECORD_WRITES,
        **rest_error(400, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", TRIGGER),
    },
    "salesforce-trigger-row-lock": {
        "operation": RECORD_WRITES,
        **rest_error(400, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", LOCKED_TRIGGER),
    },
    "salesforce-flow": {
        "operation": RECORD_WRITES,
        **rest_error(
            400,
            "CANNOT_EXECUTE_FLOW_TRIGGER",
            "We can't save this record because the “Event follow-up” process failed. Give your "
            "Salesforce admin these details. Error ID: 1405213620-33528 (-1704150698)",
        ),
    },
    "salesforce-validation-rule": {
        "operation": RECORD_WRITES,
        **rest_error(
            400, "FIELD_CUSTOM_VALIDATION_EXCEPTION", "Please enter a location.", "Location"
        ),
    },
    "salesforce-request-limit": {
        "operation": REST,
        **rest_error(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."),
    },
    "salesforce-api-disabled": {
        "operation": REST,
        **rest_error(
            403, "API_DISABLED_FOR_ORG", "The REST API is not enabled for this Organization."
        ),
    },
    "salesforce-password-expired": {
        "operation": REST,
        **rest_error(
            403,
            "INVALID_OPERATION_WITH_EXPIRED_PASSWORD",
            "The users password has expired, you must call SetPassword before attempting any "
            "other API operations",
        ),
    },
    "salesforce-server-unavailable": {
        "operation": REST,
        **rest_error(
            503,
            "SERVER_UNAVAILABLE",
            "A server that is necessary for this call is currently unavailable. Other types of "
            "requests might still work.",
        ),
    },
    "salesforce-query-timeout": {
        "operation": "salesforce.query*",
        **rest_error(400, "QUERY_TIMEOUT", "Your query request was running for too long"),
    },
    "salesforce-unknown-exception": {
        "operation": REST,
        **rest_error(500, "UNKNOWN_EXCEPTION", UNKNOWN),
    },
    "salesforce-storage-limit": {
        "operation": RECORD_WRITES,
        **rest_error(400, "STORAGE_LIMIT_EXCEEDED", "storage limit exceeded"),
    },
    "salesforce-revoked": {
        "operation": "salesforce.token",
        **oauth_error(400, "invalid_grant", "expired access/refresh token"),
    },
    "salesforce-not-approved": {
        "operation": "salesforce.token",
        **oauth_error(400, "invalid_grant", "user hasn't approved this consumer"),
    },
    "salesforce-inactive-user": {
        "operation": "salesforce.token",
        **oauth_error(400, "invalid_grant", "inactive user"),
    },
    "salesforce-login-rate": {
        "operation": "salesforce.token",
        **oauth_error(400, "invalid_grant", "login rate exceeded"),
    },
    "salesforce-no-healthy-upstream": {
        "operation": "salesforce.*",
        "status": 503,
        "body": "no healthy upstream",
    },
    "html-502": {"status": 502, "body": BAD_GATEWAY},
    "html-200": {"status": 200, "body": "<html><body>Please sign in to the network.</body></html>"},
    "slow": {"delay": 5.0},
    "hang": {"hang": True},
    "reset": {"reset": True},
    "closed": {"close": True},
    "cut": {"cut": 20},
    "lost-answer": {"commit": True, "close": True},
    "commit-then-hang": {"commit": True, "hang": True},
}


def ready_fault(name: str, overrides: Mapping[str, Any] | None = None) -> Fault:
    """A ready fault by name, with some of its values replaced; raises ValueError if unknown."""
    if name not in READY_FAULTS:
        raise ValueError(f"there is no ready fault {name}; there are {', '.join(READY_FAULTS)}")
    return fault_from({"name": name, **READY_FAULTS[name], **(overrides or {})})
