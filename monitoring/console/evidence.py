"""The facts behind a status: which rule said so, by which runs. Pure but for the models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from uuid import UUID

from monitoring.console.moments import brief, counted
from monitoring.console.wording import Explanation
from monitoring.health.models import Health
from monitoring.outcomes.models import Outcome


def evidence_sentence(
    health: Health,
    outcomes: Sequence[Outcome],
    rules: Mapping[str, Explanation],
    now: datetime,
    zone: tzinfo,
) -> str:
    """Return which rule judged which runs, and since when it is certain; empty without a rule."""
    rule = rules.get(health.cause)
    if rule is None:
        return ""
    times = evidence_times(health.evidence, outcomes)
    clocks = ", ".join(brief(time, now, zone) for time in times)
    version = f", version {health.rules_version}" if health.rules_version else ""
    said = f"Rule “{rule.title}”{version}"
    if times:
        runs = "the last run" if len(times) == 1 else f"the last {counted(len(times), 'run')}"
        said += f", matched by {runs} ({clocks})"
    if health.confirmed_at:
        said += f", confirmed by a second run at {brief(health.confirmed_at, now, zone)}"
    return f"{said}."


def evidence_times(evidence: Sequence[UUID], outcomes: Sequence[Outcome]) -> list[datetime]:
    """Return when the runs ended; of those no longer on the page, when they began."""
    ended = {outcome.attempt_id: outcome.finished_at for outcome in outcomes}
    times = (ended.get(attempt_id) or time_in(attempt_id) for attempt_id in evidence)
    return sorted(time for time in times if time)


def time_in(attempt_id: UUID) -> datetime | None:
    """Return the time a UUIDv7 begins with, None of an id that has none."""
    if attempt_id.version != 7:
        return None
    return datetime.fromtimestamp((attempt_id.int >> 80) / 1000, tz=UTC)
