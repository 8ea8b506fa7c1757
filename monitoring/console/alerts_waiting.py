"""What the overview tells of alerts: those nobody has acknowledged, and messages that failed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db.models import Count

from monitoring.alerts.models import Alert, Message
from monitoring.console.alert_words import headline, labels_of, look_of
from monitoring.console.rows import Moment, past
from monitoring.console.together import Question, Row, question_of
from monitoring.console.wording import Look
from monitoring.health.causes import words_of

if TYPE_CHECKING:
    from accounts.access import Access
    from monitoring.errors.ruleset import RuleSet

# What fits beside the rest; the list has a page of its own.
SHOWN = 3
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
)


@dataclass(frozen=True, slots=True)
class AlertLine:
    """One alert that nobody has acknowledged."""

    id: int
    title: str
    look: Look
    labels: list[str]
    began: Moment | None


def alerts_question(access: Access) -> Question:
    """Ask for the gravest alerts nobody has acknowledged, one more than are shown."""
    waiting = Alert.objects.visible_to(access).unacknowledged().newest_first()
    return question_of(waiting.values(*TOLD_BY)[: SHOWN + 1])


def alerts_of(
    access: Access, found: Sequence[Row], rules: RuleSet, now: datetime
) -> list[AlertLine]:
    """Return the lines of the alerts that answer `alerts_question`."""
    words = words_of(rules)
    alerts = [alert_in(access, row) for row in found[:SHOWN]]
    return [
        AlertLine(
            each.pk,
            headline(each, words),
            look_of(each),
            labels_of(each),
            past(each.began_at, now, access.time_zone),
        )
        for each in alerts
    ]


def alert_in(access: Access, row: Row) -> Alert:
    fields: dict[str, Any] = dict(row) | {"began_at": datetime.fromisoformat(row["began_at"])}
    return Alert(organization=access.organization, **fields)


def failed_question(access: Access) -> Question:
    """Ask how many messages were given up."""
    failed = Message.objects.visible_to(access).failed().order_by().values("organization")
    return question_of(failed.annotate(number=Count("pk")).values("number"))


def failed_of(found: Sequence[Row]) -> int:
    return found[0]["number"] if found else 0
