"""Whether an access token is good for a Google request."""

from __future__ import annotations

from simulator.google import errors
from simulator.model import CALENDAR_SCOPE
from simulator.routing import Context

SCOPES = {
    "read": ("", ".readonly", ".events", ".events.readonly", ".events.owned"),
    "write": ("", ".events", ".events.owned"),
    "calendars": ("", ".readonly", ".calendarlist", ".calendarlist.readonly"),
    "calendar": ("", ".readonly", ".calendars", ".calendars.readonly"),
}
WINDOW_SECONDS = 60


def check_google(context: Context, needs: str) -> None:
    """Raise 401 for a bad token, 403 for a scope it lacks or a quota used up."""
    grant = context.grant
    if context.call.bearer is None:
        raise errors.invalid_credentials(missing=True)
    if grant is None or grant.provider != "google" or grant.expires_at <= context.now:
        raise errors.invalid_credentials()
    user = context.person.google if context.person else None
    if user is None:
        raise errors.not_found()
    if user.deleted:
        raise errors.invalid_credentials()
    if needs in SCOPES:
        sufficient = [CALENDAR_SCOPE + suffix for suffix in SCOPES[needs]]
        if grant.scopes.isdisjoint(sufficient):
            raise errors.insufficient_scope(sufficient)
        check_quota(context)


def check_quota(context: Context) -> None:
    """The per-user quota: a sliding window of one minute."""
    person, organization = context.person, context.organization
    limit = organization.limits.google_requests_per_minute if organization else None
    if limit is None or person is None or person.google is None:
        return
    recent, at = person.google.recent_requests, context.now.timestamp()
    while recent and recent[0] <= at - WINDOW_SECONDS:
        recent.pop(0)
    if len(recent) >= limit:
        raise errors.rate_limit_exceeded()
    recent.append(at)
