"""What the overview tells of alerts: who has them in hand, and messages that failed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db.models import Count

from monitoring.alerts.in_hand import is_in_hand
from monitoring.alerts.kinds import ABOUT_HEALTH
from monitoring.alerts.models import Alert, Message
from monitoring.console.alert_words import (
    IN_HAND,
    headline,
    is_silenced,
    labels_of,
    look_of,
    standing,
)
from monitoring.console.moments import brief
from monitoring.console.rows import Moment, past
from monitoring.console.together import Question, Row, moment_of, question_of
from monitoring.console.wording import Look
from monitoring.health.causes import words_of

if TYPE_CHECKING:
    from accounts.access import Access
    from monitoring.errors.ruleset import RuleSet
    from monitoring.health.causes import Explanation

# What fits beside the rest; the list has a page of its own.
SHOWN = 3
# More causes than this at once are not told one by one.
READ = 50
TOLD_BY = (
    "id",
    "kind",
    "cause",
    "severity",
    "incident_id",
    "people",
    "silenced",
    "most_people",
    "flaps",
    "facts",
    "began_at",
    "acknowledged_at",
    "acknowledged_by_name",
)
TIMES = ("began_at", "acknowledged_at")


@dataclass(frozen=True, slots=True)
class AlertLine:
    """One open alert.

    cause     of the health of those it is about; empty for an alert about anything else
    since     when it began, and `standing` who has it in hand, as they stand beside that cause
    """

    id: int
    title: str
    look: Look
    labels: list[str]
    began: Moment | None
    cause: str
    since: str
    standing: str
    is_waiting: bool


def alerts_question(access: Access) -> Question:
    """Ask for the open alerts, the gravest first."""
    found = Alert.objects.visible_to(access).open().newest_first()
    return question_of(found.values(*TOLD_BY)[:READ])


def alerts_of(
    access: Access, found: Sequence[Row], rules: RuleSet, now: datetime
) -> list[AlertLine]:
    """Return the lines of the alerts that answer `alerts_question`, in its order."""
    words = words_of(rules)
    return [alert_line(access, alert_in(access, row), words, now) for row in found]


def alert_line(
    access: Access, alert: Alert, rules: Mapping[str, Explanation], now: datetime
) -> AlertLine:
    look, said = look_of(alert, now), standing(alert, now, access.time_zone)
    is_waiting = not is_in_hand(alert, now) and not is_silenced(alert)
    return AlertLine(
        id=alert.pk,
        title=headline(alert, rules),
        look=look,
        labels=labels_of(alert),
        began=past(alert.began_at, now, access.time_zone),
        cause=alert.cause if alert.kind in ABOUT_HEALTH else "",
        since=brief(alert.began_at, now, access.time_zone),
        standing=f"{look.word.lower()} {said}" if look == IN_HAND else said,
        is_waiting=is_waiting,
    )


def by_cause(lines: Sequence[AlertLine]) -> dict[str, AlertLine]:
    """Return the alerts about people's health by its cause."""
    return {line.cause: line for line in lines if line.cause}


def others_waiting(lines: Sequence[AlertLine], causes: Collection[str]) -> list[AlertLine]:
    """Return those nobody has in hand but the ones of these causes, told elsewhere."""
    return [line for line in lines if line.is_waiting and line.cause not in causes]


def alert_in(access: Access, row: Row) -> Alert:
    fields: dict[str, Any] = dict(row) | {name: moment_of(row[name]) for name in TIMES}
    return Alert(organization=access.organization, **fields)


def failed_question(access: Access) -> Question:
    """Ask how many messages were given up."""
    failed = Message.objects.visible_to(access).failed().order_by().values("organization")
    return question_of(failed.annotate(number=Count("pk")).values("number"))


def failed_of(found: Sequence[Row]) -> int:
    return found[0]["number"] if found else 0
