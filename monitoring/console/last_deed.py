"""The last thing somebody did about a person: who, what, when and why, as a row says it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Any

from django.db.models import (
    BigIntegerField,
    Case,
    CharField,
    F,
    Func,
    OuterRef,
    QuerySet,
    Subquery,
    When,
)
from django.db.models.fields.json import KT
from django.db.models.functions import Cast, Coalesce, JSONObject
from django.utils.dateparse import parse_datetime

from monitoring.actions.models import Action
from monitoring.audit.models import AuditEntry
from monitoring.audit.registry import ACTIONS
from monitoring.console.rows import Moment, past

# What was done longer ago says little of how somebody is now; the person's page has it all.
SHOWN_FOR = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class LastDeed:
    """`sentence` is who did what, `why` the reason that was given, empty where none was."""

    sentence: str
    when: Moment | None
    why: str

    @property
    def in_full(self) -> str:
        """The deed on one line, with its exact time."""
        when = f", {self.when.exact}" if self.when else ""
        return f"{self.sentence}{when}" + (f": {self.why}" if self.why else "")


def with_last_deed(people: QuerySet[Any], now: datetime) -> QuerySet[Any]:
    """Add the newest entry of the audit log about each person, looked up by its index."""
    entries = AuditEntry.objects.filter(
        person=OuterRef("pk"), organization=OuterRef("organization"), at__gt=now - SHOWN_FOR
    )
    # A deed to many has its reason once, at the action.
    number = When(kind_of_action="number", then=Cast(KT("detail__action"), BigIntegerField()))
    entries = entries.annotate(
        kind_of_action=Func(F("detail__action"), function="jsonb_typeof", output_field=CharField()),
        action_id=Case(number),
    )
    reason = Action.objects.filter(pk=OuterRef("action_id"), organization=OuterRef("organization"))
    found = JSONObject(
        at="at",
        action="action",
        who="author_name",
        first="author__first_name",
        last="author__last_name",
        why=Coalesce(KT("detail__reason"), Subquery(reason.values("reason"))),
    )
    newest = entries.order_by("-at", "-id").values(found=found)[:1]
    return people.annotate(last_deed=Subquery(newest))


def last_deed(row: Mapping[str, Any] | None, now: datetime, zone: tzinfo) -> LastDeed | None:
    """Return what `with_last_deed` found, in words."""
    if row is None:
        return None
    who = f"{row['first'] or ''} {row['last'] or ''}".strip() or row["who"]
    when = past(parse_datetime(row["at"]), now, zone)
    return LastDeed(f"{who} {ACTIONS[row['action']]}", when, row["why"] or "")
