"""What a back-test found: what a change of rules would have made of past outcomes. Pure.

All of it is written as plain JSON beside the change of the rule: times in ISO 8601, UTC.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import msgspec

# Of people, alerts and organizations no more than this are written down; the totals tell the rest.
MOST_PEOPLE = 200
MOST_SPANS = 20
MOST_ALERTS = 200
MOST_ORGANIZATIONS = 20


# Class and rule as they stand, then as they would be; a rule is None where none knew the error.
Turn = tuple[str | None, str | None, str | None, str | None]


@dataclass(frozen=True, slots=True)
class Shift:
    """Outcomes whose verdict differs: class and rule as they stand, and as they would be.

    `people` are those who had any of them.
    """

    from_class: str | None
    from_rule: str | None
    to_class: str | None
    to_rule: str | None
    outcomes: int
    people: int


@dataclass(frozen=True, slots=True)
class Span:
    """A time in which somebody's health differs; `until` is None where it still does at the end.

    It differs by status or, of who needs a human, by cause.
    """

    since: datetime
    until: datetime | None
    from_status: str
    from_cause: str
    to_status: str
    to_cause: str


@dataclass(frozen=True, slots=True)
class Moved:
    """A person whose health differs, for how many seconds in all, and the first such times."""

    person: int
    seconds: int
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class AlertShift:
    """An alert about people who need a human that goes out on one side only.

    phase is `opened` or `over`; began is when its episode did, and at when it goes out.
    """

    phase: str
    cause: str
    people: int
    began: datetime
    at: datetime


@dataclass(frozen=True, slots=True)
class WorstHour:
    """The hour in which the health of most people differs."""

    start: datetime
    people: int


@dataclass(frozen=True, slots=True)
class OrganizationMoved:
    """How much of one organization a change moves."""

    organization: int
    outcomes: int
    outcomes_changed: int
    people: int
    people_moved: int
    worst_hour: WorstHour | None = None

    @property
    def share(self) -> float:
        return self.people_moved / self.people if self.people else 0.0


@dataclass(frozen=True, slots=True)
class BackTestResult:
    """What differs between the verdicts as they stand and those of a candidate.

    version          the candidate's, as people read it
    people           those who ran; people_moved of them would have had another health at some time,
                     people_reworded only another reason for the same status
    breakdown        what became of the verdicts, the most outcomes first
    moved            the people most affected, the longest first; empty over several organizations
    alerts_dropped   would not have gone out; alerts_added would have in addition; the totals beside
                     them count also those that are not written down
    worst_hour       None where nobody moves; over several organizations the worst of any one
    organizations    those most affected, the largest share first: one, but for operator's rules
    """

    version: str
    days: int
    outcomes: int = 0
    outcomes_changed: int = 0
    people: int = 0
    people_moved: int = 0
    people_reworded: int = 0
    breakdown: tuple[Shift, ...] = ()
    moved: tuple[Moved, ...] = ()
    alerts_dropped: tuple[AlertShift, ...] = ()
    alerts_added: tuple[AlertShift, ...] = ()
    alerts_dropped_total: int = 0
    alerts_added_total: int = 0
    worst_hour: WorstHour | None = None
    organizations: tuple[OrganizationMoved, ...] = ()

    @property
    def largest(self) -> OrganizationMoved | None:
        """Return the organization of which the largest share moves, if anybody ran."""
        return self.organizations[0] if self.organizations else None


def from_json(told: Mapping[str, Any]) -> BackTestResult:
    """Read what `stored.as_json` wrote."""
    return msgspec.convert(told, BackTestResult)


def together(results: Sequence[BackTestResult]) -> BackTestResult:
    """Return results of different organizations as one; a single one as it is."""
    if len(results) == 1:
        return results[0]
    return replace(
        results[0],
        outcomes=sum(each.outcomes for each in results),
        outcomes_changed=sum(each.outcomes_changed for each in results),
        people=sum(each.people for each in results),
        people_moved=sum(each.people_moved for each in results),
        people_reworded=sum(each.people_reworded for each in results),
        breakdown=shifts_together(shift for each in results for shift in each.breakdown),
        moved=(),
        alerts_dropped=earliest(alert for each in results for alert in each.alerts_dropped),
        alerts_added=earliest(alert for each in results for alert in each.alerts_added),
        alerts_dropped_total=sum(each.alerts_dropped_total for each in results),
        alerts_added_total=sum(each.alerts_added_total for each in results),
        worst_hour=worst_of(each.worst_hour for each in results),
        organizations=most_moved(one for each in results for one in each.organizations),
    )


def added(one: BackTestResult, other: BackTestResult) -> BackTestResult:
    """Return what was found of different people of one organization as one."""
    moved = tuple(sorted((*one.moved, *other.moved), key=lambda each: -each.seconds))
    both = replace(together([one, other]), moved=moved[:MOST_PEOPLE])
    organization = one.organizations[0].organization
    whole = OrganizationMoved(
        organization, both.outcomes, both.outcomes_changed, both.people, both.people_moved
    )
    return replace(both, organizations=(whole,))


def shifts_together(shifts: Iterable[Shift]) -> tuple[Shift, ...]:
    outcomes: Counter[Turn] = Counter()
    people: Counter[Turn] = Counter()
    for shift in shifts:
        key = (shift.from_class, shift.from_rule, shift.to_class, shift.to_rule)
        outcomes[key] += shift.outcomes
        people[key] += shift.people
    return most_outcomes(Shift(*key, outcomes[key], people[key]) for key in outcomes)


def most_outcomes(shifts: Iterable[Shift]) -> tuple[Shift, ...]:
    return tuple(sorted(shifts, key=lambda each: (-each.outcomes, msgspec.json.encode(each))))


def earliest(alerts: Iterable[AlertShift]) -> tuple[AlertShift, ...]:
    """Return the first alerts in order of time."""
    in_order = sorted(alerts, key=lambda each: (each.at, each.cause, each.phase))
    return tuple(in_order[:MOST_ALERTS])


def most_moved(organizations: Iterable[OrganizationMoved]) -> tuple[OrganizationMoved, ...]:
    in_order = sorted(
        organizations, key=lambda each: (-each.share, -each.people, each.organization)
    )
    return tuple(in_order[:MOST_ORGANIZATIONS])


def worst_of(hours: Iterable[WorstHour | None]) -> WorstHour | None:
    known = [hour for hour in hours if hour is not None]
    return max(known, key=lambda hour: (hour.people, -hour.start.timestamp()), default=None)
