"""Whether a session is good for a REST request, and the count of such requests."""

from __future__ import annotations

from datetime import timedelta

from simulator.messages import Answer
from simulator.routing import Context
from simulator.salesforce import errors


def check_session(context: Context, needs: str) -> None:
    """Raise 401 for a bad session, 403 when the day's requests are used up; count otherwise."""
    grant, organization = context.grant, context.organization
    user = context.person.salesforce if context.person else None
    if grant is None or organization is None or user is None or not is_alive(context):
        raise errors.invalid_session()
    if needs == "identity":
        return
    limit = organization.limits.api_requests_per_day
    if organization.usage.current(context.now) >= limit:
        raise errors.request_limit_exceeded()
    organization.usage.add(context.now)
    check_version(context.captures.get("version", "v59.0"))
    seconds = organization.limits.salesforce_session_seconds
    grant.expires_at = context.now + timedelta(seconds=seconds)


def is_alive(context: Context) -> bool:
    """A session belongs to one host; deactivating or freezing its user has ended it."""
    grant, organization = context.grant, context.organization
    if grant is None or organization is None:
        return False
    here = context.world.find_host(context.call.host)
    return (
        grant.provider == "salesforce"
        and grant.expires_at > context.now
        and here in (None, organization)
    )


def check_version(version: str) -> None:
    number = version.removeprefix("v").removesuffix(".0")
    if not version.startswith("v") or not number.isdigit() or not 31 <= int(number) <= 67:
        raise errors.not_found()


def with_limit_info(context: Context, answer: Answer) -> Answer:
    """Every answer to a valid session tells the API usage."""
    organization = context.organization
    if organization is not None and context.grant is not None and answer.status != 401:
        used = organization.usage.current(context.now)
        most = organization.limits.api_requests_per_day
        answer.headers["Sforce-Limit-Info"] = f"api-usage={used}/{most}"
    return answer
