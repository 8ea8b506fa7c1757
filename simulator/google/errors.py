"""Google's error bodies, worded as Google words them."""

from __future__ import annotations

from simulator.messages import Answer, Refusal


def calendar_refusal(
    status: int,
    reason: str,
    message: str,
    *,
    domain: str = "global",
    parameter: str | None = None,
    header: str | None = None,
) -> Refusal:
    """A Calendar API error; `parameter` or `header` names where the fault lies."""
    detail = {"domain": domain, "reason": reason, "message": message}
    if parameter or header:
        detail["locationType"] = "parameter" if parameter else "header"
        detail["location"] = parameter or header or ""
    error = {"errors": [detail], "code": status, "message": message}
    return Refusal(Answer.of_json({"error": error}, status))


def invalid(message: str, parameter: str | None = None) -> Refusal:
    return calendar_refusal(400, "invalid", message, parameter=parameter)


def required(message: str) -> Refusal:
    return calendar_refusal(400, "required", message)


def not_found() -> Refusal:
    return calendar_refusal(404, "notFound", "Not Found")


def already_deleted() -> Refusal:
    return calendar_refusal(410, "deleted", "Resource has been deleted")


def duplicate() -> Refusal:
    return calendar_refusal(409, "duplicate", "The requested identifier already exists.")


def condition_not_met() -> Refusal:
    return calendar_refusal(412, "conditionNotMet", "Precondition Failed", header="If-Match")


def full_sync_required() -> Refusal:
    message = "Sync token is no longer valid, a full sync is required."
    return calendar_refusal(
        410, "fullSyncRequired", message, domain="calendar", parameter="syncToken"
    )


def updated_min_too_long_ago() -> Refusal:
    message = "The requested minimum modification time lies too far in the past."
    return calendar_refusal(
        410, "updatedMinTooLongAgo", message, domain="calendar", parameter="updatedMin"
    )


def time_range_empty(parameter: str | None = None) -> Refusal:
    message = "The specified time range is empty."
    return calendar_refusal(400, "timeRangeEmpty", message, domain="calendar", parameter=parameter)


def writer_access_required() -> Refusal:
    message = "You need to have writer access to this calendar."
    return calendar_refusal(403, "requiredAccessLevel", message, domain="calendar")


def forbidden_for_non_organizer() -> Refusal:
    message = "Shared properties can only be changed by the organizer of the event."
    return calendar_refusal(403, "forbiddenForNonOrganizer", message, domain="calendar")


def rate_limit_exceeded() -> Refusal:
    return calendar_refusal(403, "rateLimitExceeded", "Rate Limit Exceeded", domain="usageLimits")


def invalid_credentials(*, missing: bool = False) -> Refusal:
    if missing:
        return calendar_refusal(401, "required", "Login Required", header="Authorization")
    return calendar_refusal(401, "authError", "Invalid Credentials", header="Authorization")


def insufficient_scope(needed: list[str]) -> Refusal:
    """403 with the ErrorInfo detail Google adds for a missing scope."""
    answer = Answer.of_json(
        {
            "error": {
                "code": 403,
                "message": "Request had insufficient authentication scopes.",
                "errors": [
                    {
                        "message": "Insufficient Permission",
                        "domain": "global",
                        "reason": "insufficientPermissions",
                    }
                ],
                "status": "PERMISSION_DENIED",
                "details": [
                    {
                        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                        "reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
                        "domain": "googleapis.com",
                    }
                ],
            }
        },
        403,
        {
            "WWW-Authenticate": 'Bearer realm="https://accounts.google.com/", '
            f'error="insufficient_scope", scope="{" ".join(needed)}"'
        },
    )
    return Refusal(answer)


def oauth_refusal(status: int, error: str, description: str | None) -> Refusal:
    """An error of the token endpoint."""
    body = {"error": error}
    if description is not None:
        body["error_description"] = description
    return Refusal(Answer.of_json(body, status))
