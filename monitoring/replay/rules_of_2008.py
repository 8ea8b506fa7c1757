"""How the product of June 2008 read errors. Pure.

This is our reconstruction from what its users and its vendor wrote then; its code is not known. Its
mistake was to take whatever was not plainly a time-out or a broken connection for permanent, and
to switch a person's sync off at the first such answer: any refusal at login, whatever it said, any
SOAP fault (so SERVER_UNAVAILABLE counted as bad credentials), any 4xx (so an expired session was a
revoked one), and a maintenance page where a login was expected.
"""

from __future__ import annotations

from monitoring.errors.facts import RawError

# Statuses that say no more than that there was no answer in time.
TIMED_OUT = frozenset({408, 504})
LOGIN_OPERATIONS = ("login", "token", "oauth")


def disables_at_once(result: str, error: RawError | None) -> bool:
    """Tell whether the product of 2008 would have switched the person off for this outcome."""
    return result in {"failure", "partial"} and error is not None and is_permanent(error)


def is_permanent(error: RawError) -> bool:
    """Tell whether an error was read as permanent: all but time-outs and broken connections.

    A server error in the midst of ordinary work passed for a broken connection.
    """
    if error.status in TIMED_OUT:
        return False
    if error.channel == "exception-text" or error.provider == "network":
        return False
    if error.channel in {"soap-fault", "oauth-json"}:
        return True
    if error.operation.lower().startswith(LOGIN_OPERATIONS):
        return True
    return error.status is None or error.status < 500
