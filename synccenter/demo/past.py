"""Thirty days of history that tell a story. Pure: everything follows from `now` and a seed.

Each person's attempts come when the product itself would have made them: the next one is due when
the fold of those before says so.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from monitoring.errors.facts import RawError
from monitoring.errors.interpretation import RuleSet, interpret
from monitoring.health.fold import JudgedOutcome, PolicyFacts, Runs, fold
from monitoring.outcomes.identifiers import attempt_id_at
from synccenter.demo.cast import Part

DAYS = 30
# Twelve days ago Salesforce was down for a morning; everybody recovered.
OUTAGE_STARTED = timedelta(days=12, hours=3)
OUTAGE_LASTED = timedelta(hours=3)
TROUBLE_STARTED = {
    Part.REVOKED: timedelta(days=2, hours=5),
    Part.DEACTIVATED: timedelta(days=6, hours=1),
    Part.TRIGGER: timedelta(hours=19),
    Part.QUOTA: timedelta(hours=4),
    Part.MAINTENANCE: timedelta(hours=3),
}
# One night two people were moved to another unit; what they lacked there was mended by the evening.
MOVED_BEFORE = timedelta(hours=84)
MOVED_HOUR = 1
MENDED_AFTER = timedelta(hours=16)
WENT_SILENT = timedelta(hours=11)
# Since then a laptop is opened only now and then, each time too late not to be missed for a while.
LAPTOP_CLOSED = timedelta(hours=26)
OPENED_EVERY = timedelta(hours=5, minutes=20)
LAST_OPENED = timedelta(hours=4, minutes=50)
WAS_HELD = timedelta(days=4)
BLIPS = 0.006
SYNCED_ELSEWHERE = frozenset({Part.SILENT, Part.LAPTOP})


@dataclass(frozen=True, slots=True)
class PastRun:
    """One attempt of the past; `error` and `counts` as in an outcome (design §6)."""

    attempt_id: UUID
    trigger: str
    started_at: datetime
    finished_at: datetime
    result: str
    error: dict[str, Any] | None
    counts: dict[str, Any] | None


def google_error(
    status: int, reason: str, message: str, operation: str, domain: str = "usageLimits"
) -> dict[str, Any]:
    detail = {"domain": domain, "reason": reason, "message": message}
    body = {"error": {"errors": [detail], "code": status, "message": message}}
    return error_of("google", "http-json", status, json.dumps(body), operation)


def error_of(provider: str, channel: str, status: int, body: str, operation: str) -> dict[str, Any]:
    return {
        "provider": provider,
        "channel": channel,
        "status": status,
        "headers": {},
        "body": body,
        "operation": operation,
    }


REVOKED = error_of(
    "google",
    "oauth-json",
    400,
    '{"error": "invalid_grant", "error_description": "Token has been expired or revoked."}',
    "token",
)
DEACTIVATED = error_of(
    "salesforce",
    "oauth-json",
    400,
    '{"error": "invalid_grant", "error_description": "inactive user"}',
    "token",
)
TRIGGER = error_of(
    "salesforce",
    "http-json",
    400,
    json.dumps(
        [
            {
                "errorCode": "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",
                "message": "RenewalTrigger: execution of BeforeInsert\n\ncaused by: "
                "System.NullPointerException: Attempt to de-reference a null object\n\n"
                "Trigger.RenewalTrigger: line 12, column 1",
                "fields": [],
            }
        ]
    ),
    "event.upsert",
)
QUOTA = google_error(403, "quotaExceeded", "Calendar usage limits exceeded.", "events.list")
OUTAGE = error_of(
    "salesforce",
    "html",
    503,
    "<span style='font-weight: bold;'>We are down for maintenance.</span><br><br>Sorry for the "
    "inconvenience. We'll be back shortly.",
    "query",
)
CALENDAR_OFF = google_error(
    403,
    "notACalendarUser",
    "The user must be signed up for Google Calendar.",
    "events.list",
    domain="calendar",
)
API_OFF = error_of(
    "salesforce",
    "http-json",
    403,
    '[{"message": "API is disabled for this User", "errorCode": "API_CURRENTLY_DISABLED"}]',
    "query",
)
BLIP = google_error(503, "backendError", "Backend Error", "events.list")
TROUBLES = {
    Part.REVOKED: ("failure", REVOKED),
    Part.DEACTIVATED: ("failure", DEACTIVATED),
    Part.TRIGGER: ("partial", TRIGGER),
    Part.QUOTA: ("failure", QUOTA),
    Part.MAINTENANCE: ("failure", OUTAGE),
}
MOVED = {
    Part.NO_CALENDAR: ("failure", CALENDAR_OFF),
    Part.NO_API: ("failure", API_OFF),
}


def trouble_began(part: Part, now: datetime) -> datetime | None:
    """Return since when something is, or was, the matter with a person; None of nothing."""
    if part in MOVED:
        return moved_at(now)
    if part is Part.LAPTOP:
        return now - LAPTOP_CLOSED
    started = TROUBLE_STARTED.get(part)
    return None if started is None else now - started


def moved_at(now: datetime) -> datetime:
    """Return the night in which two people were moved: some days ago, whenever now is."""
    latest = now - MOVED_BEFORE
    night = latest.replace(hour=MOVED_HOUR, minute=0, second=0, microsecond=0)
    return night if night <= latest else night - timedelta(days=1)


def past_of(part: Part, rules: RuleSet, now: datetime, random: Random) -> list[PastRun]:
    """Return a person's runs of the last thirty days, oldest first."""
    if part is Part.NEVER:
        return []
    return list(_runs(part, rules, now, random))


def _runs(part: Part, rules: RuleSet, now: datetime, random: Random) -> Iterator[PastRun]:
    policy = PolicyFacts()
    start = now - timedelta(days=DAYS) + timedelta(seconds=random.randrange(policy.base_interval))
    runs = Runs(awaiting_since=start, expected_at=start)
    end = now - _last_heard(part)
    while (due := _due(part, runs.expected_at or end, now)) < end:
        # The tick comes round every half minute.
        began = due + timedelta(seconds=random.uniform(1, 30))
        run = _run(part, began, now, runs.failures > 0, random)
        yield run
        runs = fold(runs, _judged(run, rules), policy)


def _due(part: Part, expected: datetime, now: datetime) -> datetime:
    """Return when a run comes: when it is expected, but that of a laptop only when it is opened."""
    if part is not Part.LAPTOP or expected < now - LAPTOP_CLOSED:
        return expected
    last = now - LAST_OPENED
    return last - (last - expected) // OPENED_EVERY * OPENED_EVERY


def _last_heard(part: Part) -> timedelta:
    if part is Part.SILENT:
        return WENT_SILENT
    if part in {Part.HELD, Part.HELD_FOR_A_WHILE}:
        return WAS_HELD
    return timedelta(seconds=40)


def _run(part: Part, began: datetime, now: datetime, retry: bool, random: Random) -> PastRun:
    result, error = _what_came_of_it(part, began, now, random)
    finished = began + timedelta(seconds=random.uniform(0.8, 4.0))
    trigger = "external" if part in SYNCED_ELSEWHERE else "retry" if retry else "schedule"
    counts = _counts(began, random) if error is None else None
    return PastRun(attempt_id_at(began, random), trigger, began, finished, result, error, counts)


def _what_came_of_it(
    part: Part, began: datetime, now: datetime, random: Random
) -> tuple[str, dict[str, Any] | None]:
    ago = now - began
    if part in TROUBLES and ago <= TROUBLE_STARTED[part]:
        return TROUBLES[part]
    if part in MOVED and timedelta() <= began - moved_at(now) < MENDED_AFTER:
        return MOVED[part]
    if OUTAGE_STARTED - OUTAGE_LASTED <= ago <= OUTAGE_STARTED:
        return "failure", OUTAGE
    if random.random() < BLIPS:
        return "failure", BLIP
    return "success", None


def _counts(began: datetime, random: Random) -> dict[str, Any]:
    """Draw what a run did: something now and then in working hours, hardly anything at night."""
    busy = 0.5 if 7 <= began.hour < 18 and began.weekday() < 5 else 0.03

    def some() -> int:
        return random.choice((1, 1, 2)) if random.random() < busy / 3 else 0

    sides = {
        side: {"created": some(), "updated": some(), "deleted": int(random.random() < busy / 12)}
        for side in ("google", "salesforce")
    }
    return {**sides, "skipped": 0, "conflicts": 0}


def _judged(run: PastRun, rules: RuleSet) -> JudgedOutcome:
    if run.error is None:
        return JudgedOutcome(run.attempt_id, run.finished_at, run.result)
    verdict = interpret(RawError(**run.error), rules)
    return JudgedOutcome(
        run.attempt_id,
        run.finished_at,
        run.result,
        verdict.interpretation,
        verdict.rule_id,
        verdict.rules_version,
        verdict.retry_after,
    )
