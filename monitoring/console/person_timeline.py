"""A person's timeline: runs, changes, what people did, messages and notes, newest first.

All kinds are read by one statement of as many parts, each of which reads no further than a page. A
page begins where the one before it ended, by the place of its last entry.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from django.db.models import (
    Case,
    F,
    Func,
    IntegerField,
    JSONField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    TextField,
    Value,
    When,
)
from django.db.models.fields.json import KT
from django.db.models.functions import Cast, Coalesce, Concat, JSONObject, NullIf, Trim

from accounts.access import Access
from monitoring.actions.models import ActionPerson, ActionState, Kind, PersonNote, PersonState
from monitoring.alerts.models import Message
from monitoring.audit.models import AuditEntry
from monitoring.console.person_alerts import TOLD_OF_ALERTS, alerts
from monitoring.console.person_entries import Entry, drawn_together, entry_of
from monitoring.errors.models import Rejudgement
from monitoring.health.causes import Explanation
from monitoring.health.models import Hold, Transition
from monitoring.outcomes.models import Outcome

ENTRIES = 30
# Told by the rows they made: holds and notes say more than that somebody made them.
TOLD_BY_HOLDS = ("person.hold", "person.release", "person.pause", "person.resume")
TOLD_OTHERWISE = (*TOLD_BY_HOLDS, "person.note")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# Their order among entries of one moment: what follows from a run stands above it.
ALL = ("run", "change", "deed", "act", "hold", "release", "alert", "message", "note")


@dataclass(frozen=True, slots=True)
class Show:
    """Which kinds of entries are shown, under which word, and what to say where there are none."""

    word: str
    kinds: tuple[str, ...]
    nothing: str


SHOWN = {
    "": Show("All", ALL, "Nothing has happened yet."),
    "runs": Show("Runs", ("run",), "No run has been made yet."),
    "changes": Show("Status", ("change",), "Status and interval have not changed yet."),
    "actions": Show(
        "Actions", ("deed", "act", "hold", "release"), "Nobody has done anything here yet."
    ),
    "messages": Show(
        "Messages", ("alert", "message"), "No mail about this person has been written yet."
    ),
    "notes": Show("Notes", ("note",), "Nobody has written a note yet."),
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where an entry stands in the timeline: by time, then by kind, then by the row's key."""

    at: datetime
    rank: int
    key: str

    def written(self) -> str:
        return f"{(self.at - EPOCH) // timedelta(microseconds=1)}.{self.rank}.{self.key}"


def place_read(text: str | None) -> Place | None:
    """Read a place back from an address; None for anything else than `written` writes."""
    micros, _, rest = (text or "").partition(".")
    rank, _, key = rest.partition(".")
    if not (is_number(micros, 17) and is_number(rank, 1) and key and len(key) <= 36):
        return None
    if not key.replace("-", "").isalnum():
        return None
    return Place(EPOCH + timedelta(microseconds=int(micros)), int(rank), key)


def is_number(text: str, digits: int) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= digits


@dataclass(frozen=True, slots=True)
class Timeline:
    """A page of the timeline. `older` is where the next page begins, empty on the last."""

    entries: list[Entry]
    older: str


def timeline_of(
    access: Access,
    person_id: int,
    show: str,
    before: Place | None,
    rules: Mapping[str, Explanation],
    now: datetime,
    zone: tzinfo,
) -> Timeline:
    """Return the newest entries before a place, of the kinds that `show` names, in one statement.

    `show` is a key of SHOWN.
    """
    rows = rows_of(access, person_id, SHOWN[show].kinds, before)
    shown = rows[:ENTRIES]
    older = Place(*shown[-1][:3]).written() if len(rows) > ENTRIES else ""
    entries = [entry_of(ALL[rank], at, told, rules, now, zone) for at, rank, _, told in shown]
    return Timeline(entries if show else drawn_together(entries), older)


Told = tuple[datetime, int, str, dict[str, Any]]


def rows_of(
    access: Access, person_id: int, kinds: tuple[str, ...], before: Place | None
) -> list[Told]:
    first, *others = [part_of(access, person_id, kind, before) for kind in kinds]
    if not others:
        return list(first)
    whole = first.union(*others, all=True).order_by("-moment", "-rank", "-place")
    return list(whole[: ENTRIES + 1])


def part_of(access: Access, person_id: int, kind: str, before: Place | None) -> QuerySet[Any]:
    """Return the newest rows of a kind before a place: moment, rank, key and what they tell."""
    rank = ALL.index(kind)
    make, moment, names = PARTS[kind]
    rows = make(access, person_id).annotate(
        moment=moment,
        rank=Value(rank, IntegerField()),
        place=Cast("pk", TextField()),
        told=JSONObject(**names),
    )
    if before is not None:
        rows = rows.filter(earlier(before, rank))
    return rows.order_by("-moment", "-place").values_list("moment", "rank", "place", "told")[
        : ENTRIES + 1
    ]


def earlier(before: Place, rank: int) -> Q:
    """Return the condition under which a row of a kind stands before a place."""
    sooner = Q(moment__lt=before.at)
    if rank < before.rank:
        return sooner | Q(moment=before.at)
    return sooner | Q(moment=before.at, place__lt=before.key) if rank == before.rank else sooner


def runs(access: Access, person_id: int) -> QuerySet[Any]:
    again = Rejudgement.objects.filter(
        attempt_id=OuterRef("attempt_id"), organization=OuterRef("organization")
    )
    newest = again.order_by("-id").values(found=JSONObject(at="at", rule="rule"))[:1]
    found = Outcome.objects.visible_to(access).of_person(person_id)
    return found.annotate(again=Subquery(newest))


def changes(access: Access, person_id: int) -> QuerySet[Any]:
    return Transition.objects.visible_to(access).filter(person=person_id)


def deeds(access: Access, person_id: int) -> QuerySet[Any]:
    """Return what single entries of the audit log tell; those of actions are told by `acts`."""
    entries = AuditEntry.objects.visible_to(access).filter(person=person_id)
    return entries.exclude(detail__has_key="action").exclude(action__in=TOLD_OTHERWISE)


def acts(access: Access, person_id: int) -> QuerySet[Any]:
    """Return the person's part in actions; what made a hold or a note is told by that."""
    members = ActionPerson.objects.visible_to(access).filter(person=person_id)
    members = members.exclude(state=PersonState.LEFT_OUT).exclude(
        action__state__in=[ActionState.PREVIEW, ActionState.DISCARDED]
    )
    told = Q(action__kind__in=[Kind.HOLD, Kind.RELEASE, Kind.NOTE], state=PersonState.DONE)
    return members.exclude(told)


def holds(access: Access, person_id: int) -> QuerySet[Any]:
    """Return the person's holds with the action that placed each, null for one by nobody's."""
    found = Hold.objects.visible_to(access).filter(person=person_id)
    number = Cast(OuterRef("pk"), TextField())
    placed = done(Kind.HOLD).annotate(hold=KT("former__hold")).filter(hold=number)
    return found.annotate(action=Subquery(placed.values("action_id")[:1]))


def releases(access: Access, person_id: int) -> QuerySet[Any]:
    """Return the holds that were released, with the action that did it and its reason."""
    found = Hold.objects.visible_to(access).filter(person=person_id, released_at__isnull=False)
    number = Func(OuterRef("pk"), function="to_jsonb", output_field=JSONField())
    lifted = done(Kind.RELEASE).filter(former__holds__contains=number)
    told = JSONObject(id="action_id", reason="action__reason")
    return found.annotate(lifted=Subquery(lifted.values(found=told)[:1]))


def done(kind: Kind) -> QuerySet[Any]:
    """Return the same person's part in actions of a kind, newest first."""
    members = ActionPerson.objects.filter(
        person=OuterRef("person"), organization=OuterRef("organization"), state=PersonState.DONE
    )
    return members.filter(action__kind=kind).order_by("-action")


def name_of(user: str) -> Coalesce:
    """Return the name of the user in a field, or the address of one without."""
    name = Trim(Concat(f"{user}__first_name", Value(" "), f"{user}__last_name"))
    return Coalesce(NullIf(name, Value("")), f"{user}__email")


def sent(access: Access, person_id: int) -> QuerySet[Any]:
    return Message.objects.visible_to(access).filter(person=person_id)


def notes(access: Access, person_id: int) -> QuerySet[Any]:
    return PersonNote.objects.visible_to(access).filter(person=person_id)


def same(*names: str) -> dict[str, Any]:
    return {name: name for name in names}


ASKED = Coalesce("action__confirmed_at", "action__created_at")

# By kind: the rows, their moment, and what they tell.
PARTS: dict[str, tuple[Callable[[Access, int], QuerySet[Any]], Any, dict[str, Any]]] = {
    "run": (
        runs,
        F("finished_at"),
        same("attempt_id", "trigger", "result", "rule", "error", "counts", "again"),
    ),
    "change": (
        changes,
        F("at"),
        same("from_status", "to_status", "from_cause", "to_cause", "from_interval", "to_interval"),
    ),
    "deed": (
        deeds,
        F("at"),
        {"author_name": Coalesce(name_of("author"), "author_name"), "action": "action"},
    ),
    "act": (
        acts,
        # The run that was asked for has an entry of its own.
        Case(
            When(action__kind=Kind.SYNC, then=Coalesce("action__begun_at", ASKED)),
            default=Coalesce("at", ASKED),
        ),
        {
            "action": "action_id",
            "kind": "action__kind",
            "author_name": "action__author_name",
            "reason": "action__reason",
            "state": "state",
            "code": "code",
            "detail": "detail",
            "parameters": "action__parameters",
        },
    ),
    "hold": (holds, F("started_at"), same("author_name", "reason", "ends_at", "action")),
    "release": (
        releases,
        F("released_at"),
        {
            "author_name": "author_name",
            "released_by": name_of("released_by"),
            "lifted": "lifted",
        },
    ),
    "message": (
        sent,
        F("created_at"),
        {"message": "id", **same("subject", "recipient", "state", "answer")},
    ),
    "alert": (alerts, F("began_at"), same(*TOLD_OF_ALERTS)),
    "note": (notes, F("at"), same("author_name", "text", "owner_name", "due_on", "done_at")),
}
