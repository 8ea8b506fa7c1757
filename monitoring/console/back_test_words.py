"""What a back-test found, in sentences and rows. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from enum import Enum

from monitoring.alerts.number_words import counted, people_of
from monitoring.console.moments import brief, span
from monitoring.console.rows import Moment, past
from monitoring.console.rule_words import class_words
from monitoring.console.wording import look_of
from monitoring.errors.interpretation import UNRECOGNISED
from monitoring.health.causes import CAUSES, Explanation
from monitoring.replay.findings import AlertShift, BackTestResult, Moved, Shift, Span

# Of each table; the totals in the sentence tell the rest.
SHOWN = 50
PHASES = {"opened": "Needs attention", "over": "All well again"}


@dataclass(frozen=True, slots=True)
class ShiftRow:
    """Outcomes that go from one class and rule to another, each as (class, title)."""

    before: tuple[str, str]
    after: tuple[str, str]
    outcomes: int
    people: int


@dataclass(frozen=True, slots=True)
class MovedRow:
    """A person whose health differs; `more` counts further times beside the first."""

    person_id: int
    when: str
    before: str
    after: str
    length: str
    more: int


@dataclass(frozen=True, slots=True)
class AlertRow:
    """An alert that goes out on one side only."""

    phase: str
    cause: str
    people: int
    at: Moment | None


def found_sentence(result: BackTestResult, now: datetime, zone: tzinfo) -> str:
    """Return the first sentence: who is moved, what changes class, which alerts, the worst hour."""
    if not result.people:
        return f"Nobody ran in the last {counted(result.days, 'day')}, so nothing can be told."
    parts = [
        people_words(result),
        outcomes_words(result),
        alerts_words(result.alerts_dropped_total, result.alerts_added_total),
    ]
    if result.worst_hour:
        hour = brief(result.worst_hour.start, now, zone)
        people = people_of(result.worst_hour.people)
        parts.append(f"worst hour {hour} with {people}")
    return f"{'; '.join(parts)}."


def people_words(result: BackTestResult) -> str:
    people = people_of(result.people)
    otherwise = "would have had another status or reason to act"
    if not result.people_moved:
        return f"None of {people} {otherwise}"
    share = share_words(result.people_moved, result.people)
    return f"{result.people_moved:,} of {people} ({share}) {otherwise}"


def outcomes_words(result: BackTestResult) -> str:
    if not result.outcomes_changed:
        return f"none of {counted(result.outcomes, 'outcome')} gets another verdict"
    verb = "gets" if result.outcomes_changed == 1 else "get"
    return (
        f"{result.outcomes_changed:,} of {counted(result.outcomes, 'outcome')} "
        f"{verb} another verdict"
    )


def share_words(part: int, whole: int) -> str:
    """Return a share in per cent, never 0 for what is more and never 100 for what is less."""
    share = 100 * part / whole
    if 0 < share < 0.1:
        return "under 0.1 %"
    if part < whole and share > 99.9:
        return "over 99.9 %"
    return f"{share:.1f} %".replace(".0 %", " %")


def alerts_words(fewer: int, more: int) -> str:
    """Return how many alerts would not have gone out, and how many in addition."""
    if not fewer and not more:
        return "no alert less or more"
    less = f"{counted(fewer, 'alert')} less" if fewer else "no alert less"
    return f"{less}, {more:,} more" if more else f"{less}, none more"


def reworded_sentence(result: BackTestResult) -> str:
    """Return who would have had another reason only; empty for nobody."""
    if not result.people_reworded:
        return ""
    more = "more " if result.people_moved else ""
    who = counted(result.people_reworded, f"{more}person", f"{more}people")
    return f"{who} would have had another reason for the same status."


def rejudged_sentence(result: BackTestResult) -> str:
    """Return what came of judging history again."""
    if not result.outcomes_changed:
        return f"None of {counted(result.outcomes, 'outcome')} needed another verdict."
    verb = "was" if result.outcomes_changed == 1 else "were"
    people = people_of(result.people_moved)
    return (
        f"{result.outcomes_changed:,} of {counted(result.outcomes, 'outcome')} {verb} given "
        f"another verdict beside the first, and the health of {people} follows it."
    )


class Wait(Enum):
    """Why a run waits, in words."""

    BEGUN = "Waits for a free worker…"
    BUSY = "Another test is under way; this one comes after it."
    WORKERS_BUSY = "All workers are busy with other work; this comes as soon as one is free."
    UNSEEN = (
        "No worker has been seen for a minute. If it stays so, tell whoever operates the service."
    )


def progress_words(state: str, done: int, total: int, wait: Wait = Wait.BEGUN) -> str:
    """Return how a run under way gets on."""
    if state == "queued":
        return wait.value
    if not total:
        return "Looks for outcomes…"
    return f"{min(done, total):,} of about {counted(total, 'outcome')}…"


def step_words(state: str, percent: int, wait: Wait = Wait.BEGUN) -> str:
    """Return what is read out of how a run gets on: each tenth of it, not each second."""
    if state == "queued":
        return wait.value
    return f"Under way: {percent // 10 * 10} %."


def over_words(kind: str, state: str) -> str:
    """Return what is read out once a run is over."""
    what = "The test" if kind == "test" else "Judging again"
    ends = {"done": "is done", "failed": "has failed", "stopped": "was stopped"}
    return f"{what} {ends[state]}."


def rule_title(rule: str | None, rules: Mapping[str, Explanation]) -> str:
    """Return a rule's title; where no rule knew an error the words for that, else its id."""
    if rule is None:
        return UNRECOGNISED.title
    known = rules.get(rule) or CAUSES.get(rule)
    return known.title if known else rule


def shift_row(
    shift: Shift, before: Mapping[str, Explanation], after: Mapping[str, Explanation]
) -> ShiftRow:
    """Return a row; `before` and `after` are the words of the rules without and with the change."""
    return ShiftRow(
        (class_words(shift.from_class or "unknown"), rule_title(shift.from_rule, before)),
        (class_words(shift.to_class or "unknown"), rule_title(shift.to_rule, after)),
        shift.outcomes,
        shift.people,
    )


def moved_row(
    moved: Moved,
    before: Mapping[str, Explanation],
    after: Mapping[str, Explanation],
    now: datetime,
    zone: tzinfo,
) -> MovedRow:
    first = moved.spans[0]
    return MovedRow(
        moved.person,
        span_words(first, now, zone),
        standing_words(first.from_status, first.from_cause, before),
        standing_words(first.to_status, first.to_cause, after),
        span(moved.seconds),
        len(moved.spans) - 1,
    )


def span_words(times: Span, now: datetime, zone: tzinfo) -> str:
    """Return from when to when: "Tue 14:00 to 16:20", "since Tue 14:00"."""
    since = brief(times.since, now, zone)
    if times.until is None:
        return f"since {since}"
    until = brief(times.until, now, zone)
    is_same_day = times.since.astimezone(zone).date() == times.until.astimezone(zone).date()
    return f"{since} to {until.rpartition(' ')[2] if is_same_day else until}"


def standing_words(status: str, cause: str, rules: Mapping[str, Explanation]) -> str:
    """Return a status with its reason: "Needs attention · Google access was revoked"."""
    word = look_of(status, cause).word
    return f"{word} · {rule_title(cause, rules)}" if cause else word


def alert_row(
    alert: AlertShift, rules: Mapping[str, Explanation], now: datetime, zone: tzinfo
) -> AlertRow:
    return AlertRow(
        PHASES.get(alert.phase, alert.phase),
        rule_title(alert.cause, rules),
        alert.people,
        past(alert.at, now, zone),
    )
