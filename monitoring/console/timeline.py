"""A person's history: changes of status or interval, and what people did, newest first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo

from django.db.models import CharField, IntegerField, Value

from accounts.access import Access
from monitoring.audit.models import AuditEntry
from monitoring.audit.registry import ACTIONS
from monitoring.console.moments import interval
from monitoring.console.rows import Moment, past
from monitoring.console.wording import Explanation, Look, explanation_of, look_of
from monitoring.health.models import Transition

ENTRIES = 20
TEXT, NUMBER = CharField(), IntegerField()


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the history; `look` is of the status it led to, None for an admin's action."""

    at: Moment | None
    sentence: str
    look: Look | None


def timeline_of(
    access: Access,
    person_id: int,
    rules: Mapping[str, Explanation],
    now: datetime,
    zone: tzinfo,
) -> list[Entry]:
    """Return the newest entries of both kinds, in one statement."""
    changes = (
        Transition.objects.visible_to(access)
        .filter(person=person_id)
        .order_by("-at")
        .values_list(
            "at",
            "from_status",
            "to_status",
            "from_cause",
            "to_cause",
            "from_interval",
            "to_interval",
        )
    )
    nothing, none = Value("", TEXT), Value(0, NUMBER)
    deeds = (
        AuditEntry.objects.visible_to(access)
        .filter(person=person_id)
        .order_by("-at")
        .values_list("at", nothing, nothing, "author_name", "action", none, none)
    )
    both = changes[:ENTRIES].union(deeds[:ENTRIES], all=True).order_by("-at")[:ENTRIES]
    return [entry(row, rules, now, zone) for row in both]


def entry(
    row: tuple[datetime, str, str, str, str, int, int],
    rules: Mapping[str, Explanation],
    now: datetime,
    zone: tzinfo,
) -> Entry:
    """Return the entry of a row of `timeline_of`; an action has no status, but author and name."""
    at, _, to_status, author, action, _, _ = row
    if not to_status:
        return Entry(past(at, now, zone), f"{author} {ACTIONS[action]}", None)
    return Entry(past(at, now, zone), change_sentence(*row[1:], rules), look_of(to_status, row[4]))


def change_sentence(
    from_status: str,
    to_status: str,
    from_cause: str,
    to_cause: str,
    from_interval: int,
    to_interval: int,
    rules: Mapping[str, Explanation],
) -> str:
    """Return one recorded change as a sentence.

    Only changes of status or interval are recorded; the causes say why before and after.
    """
    parts = []
    look = look_of(to_status, to_cause)
    if (from_status, from_cause) != (to_status, to_cause):
        why = explanation_of(to_cause, rules).title if to_cause else ""
        parts.append(f"{look.word}: {why}" if why else f"{look.word} again")
    if from_interval != to_interval:
        parts.append(f"runs {interval(to_interval, from_interval)}")
    return "; ".join(parts) or look.word
