"""Answers of providers in bad times, worded as they word them. Pure."""

from __future__ import annotations

import json

from monitoring.errors.facts import RawError

SOAP = (
    '<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv='
    '"http://schemas.xmlsoap.org/soap/envelope/" xmlns:sf="urn:fault.partner.soap.sforce.com">'
    "<soapenv:Body><soapenv:Fault><faultcode>sf:{code}</faultcode>"
    "<faultstring>{code}: {text}</faultstring></soapenv:Fault></soapenv:Body></soapenv:Envelope>"
)


def soap_fault(code: str, text: str, operation: str = "login") -> RawError:
    return RawError(
        "salesforce", "soap-fault", 500, {}, SOAP.format(code=code, text=text), operation
    )


def salesforce_rest(status: int, code: str, text: str, operation: str = "query") -> RawError:
    body = json.dumps([{"message": text, "errorCode": code}])
    return RawError("salesforce", "http-json", status, {}, body, operation)


def salesforce_oauth(error: str, description: str | None = None) -> RawError:
    told = {"error": error} | ({"error_description": description} if description else {})
    return RawError("salesforce", "oauth-json", 400, {}, json.dumps(told), "token")


LOGIN_REFUSED = soap_fault(
    "INVALID_LOGIN", "Invalid username, password, security token; or user locked out."
)
SERVER_UNAVAILABLE = soap_fault("SERVER_UNAVAILABLE", "Server too busy. Please try again later.")
SESSION_ENDED = salesforce_rest(401, "INVALID_SESSION_ID", "Session expired or invalid")
MAINTENANCE = RawError(
    "salesforce",
    "html",
    503,
    {},
    "<html><head><title>Salesforce</title></head><body><h1>We are down for maintenance.</h1>"
    "<p>Sorry for the inconvenience. We'll be back shortly.</p></body></html>",
    "login",
)
BARE_GRANT = salesforce_oauth("invalid_grant")
INACTIVE_USER = salesforce_oauth("invalid_grant", "inactive user")
ROW_LOCKED = salesforce_rest(
    400,
    "UNABLE_TO_LOCK_ROW",
    "unable to obtain exclusive access to this record or 1 records: 00U000000000001AAA",
    "event.upsert",
)
GRANT_REVOKED = salesforce_oauth("invalid_grant", "expired access/refresh token")
APP_BLOCKED = salesforce_oauth("OAUTH_APP_BLOCKED", "this app is blocked by admin")
API_OFF_FOR_USER = salesforce_rest(
    403, "API_DISABLED", "API is disabled for this User", "event.query"
)
BUSY = RawError(
    "salesforce", "html", 503, {}, "<html><body>Service Unavailable</body></html>", "query"
)
