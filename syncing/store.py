"""The database side of a pass: loading a batch of work, and keeping what a pass found out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.db import transaction
from django.db.models import Q, QuerySet

from accounts.credentials import encrypt
from accounts.models import (
    Connection,
    ConnectionState,
    OrganizationCredential,
    Person,
    Provider,
)
from syncing.engine.content import base_from_json, base_to_json
from syncing.engine.cursors import Cursor, aside_from_json, aside_to_json
from syncing.engine.links import Link, LinkState, Origin
from syncing.gate import PATIENCE
from syncing.models import EventLink, SyncCursor
from syncing.providers.tokens import Token
from syncing.work import Access, Grantor, PassWork

Result = TypeVar("Result")
Runner = Callable[[float, Callable[[], Any]], Any]
# So long a call may take even after the deadline: what was confirmed is worth a try.
LEAST_PATIENCE = 1.0
CREATING = (LinkState.CREATING_GOOGLE.value, LinkState.CREATING_SALESFORCE.value)


class PassSupersededError(Exception):
    """A later pass of the person was loaded: what this one knows is old, and must not be kept."""


def load_work(person_ids: Collection[int]) -> dict[int, PassWork]:
    """Return what a pass needs of each person, by id, in four queries however many there are.

    From here on an earlier pass of any of them can keep nothing more (PassSupersededError).
    Secrets stay encrypted. A person without a connection is there with None in its place; an id
    nobody has is left out.
    """
    people = list(Person.objects.filter(pk__in=person_ids).select_related("organization"))
    grantors = _grantors({person.organization_id for person in people})
    accesses = {
        (each.person_id, each.provider): _access(each, grantors)
        for each in Connection.objects.filter(person_id__in=person_ids)
    }
    cursors = _cursors_taken([person.pk for person in people])
    return {
        person.pk: PassWork(
            person_id=person.pk,
            organization_id=person.organization_id,
            email=person.email,
            time_zone=person.time_zone,
            google_calendar_id=person.google_calendar_id,
            salesforce_user_id=person.salesforce_user_id,
            salesforce_username=person.salesforce_username,
            salesforce_host=person.organization.salesforce_host,
            google=accesses.get((person.pk, Provider.GOOGLE)),
            salesforce=accesses.get((person.pk, Provider.SALESFORCE)),
            cursor=_cursor(cursors[person.pk]),
            generation=cursors[person.pk].generation,
        )
        for person in people
        if person.pk in cursors
    }


# In the order of ids, so that two batches never wait for each other.
TAKE_CURSORS = """
INSERT INTO syncing_synccursor AS cursor
    (person_id, organization_id, generation, google_sync_token, salesforce_seen, set_aside)
SELECT id, organization_id, 1, '', '{}', '[]'
FROM accounts_person WHERE id = ANY(%s) ORDER BY id
ON CONFLICT (person_id) DO UPDATE SET generation = cursor.generation + 1
RETURNING *
"""


def _cursors_taken(person_ids: list[int]) -> dict[int, SyncCursor]:
    """Return the cursors by person, each with a generation of its own, made where there is none."""
    return {row.pk: row for row in SyncCursor.objects.raw(TAKE_CURSORS, [person_ids])}


def _grantors(organization_ids: Collection[int]) -> dict[tuple[int, str], Grantor]:
    found = OrganizationCredential.objects.filter(organization_id__in=organization_ids)
    return {
        (each.organization_id, each.provider): Grantor(each.client_id, bytes(each.secret))
        for each in found
    }


def _access(row: Connection, grantors: dict[tuple[int, str], Grantor]) -> Access:
    return Access(
        connection_id=row.pk,
        provider=row.provider,
        grant=row.grant,
        granted_at=row.granted_at,
        state=row.state,
        proven_at=row.proven_at,
        refused_at=row.refused_at,
        instance_url=row.instance_url,
        access_token_expires_at=row.access_token_expires_at,
        refresh_token=_bytes(row.refresh_token),
        access_token=_bytes(row.access_token),
        grantor=grantors.get((row.organization_id, row.provider)),
    )


def _bytes(value: Any) -> bytes | None:
    return None if value is None else bytes(value)


def _cursor(row: SyncCursor) -> Cursor | None:
    if row.window_start is None:
        return None
    return Cursor(
        window_start=row.window_start,
        google_sync_token=row.google_sync_token,
        salesforce_mark=row.salesforce_mark,
        salesforce_deleted_mark=row.salesforce_deleted_mark,
        salesforce_seen=row.salesforce_seen,
        set_aside=tuple(aside_from_json(stored) for stored in row.set_aside),
        updated_at=row.updated_at,
    )


@dataclass(frozen=True, slots=True)
class PassStore:
    """What a pass asks of the database; each call is one short function run by `run`.

    What writes raises PassSupersededError, and writes nothing, once a later pass was loaded.
    `run` is `Gate.run_within` in a worker and `gate.run_here` where the caller has a connection.
    """

    run: Runner
    remaining: Callable[[], float] = lambda: PATIENCE

    def patient_for(self, remaining: Callable[[], float]) -> PassStore:
        """Return a store that gives the database the seconds that remain to come back."""
        return replace(self, remaining=remaining)

    def still_newest(self, work: PassWork) -> None:
        """Raise PassSupersededError if a later pass of the person was loaded."""
        self._ask(lambda: _check_generation(work, SyncCursor.objects.all()))

    def _write(self, work: PassWork, function: Callable[[], Result]) -> Result:
        """Run a write in one transaction with the proof that no later pass has begun."""

        def fenced() -> Result:
            with transaction.atomic():
                # Locked, the pass stays the newest until the transaction ends.
                _check_generation(work, SyncCursor.objects.select_for_update())
                return function()

        return self._ask(fenced)

    def _ask(self, function: Callable[[], Result]) -> Result:
        answer: Result = self.run(max(self.remaining(), LEAST_PATIENCE), function)
        return answer

    def links_of(
        self, person_id: int, google_ids: Collection[str], salesforce_ids: Collection[str]
    ) -> list[Link]:
        """Return the links of the given events, and all that are still being created."""
        touched = Q(google_event_id__in=google_ids) | Q(salesforce_event_id__in=salesforce_ids)
        rows = EventLink.objects.filter(touched | Q(state__in=CREATING), person_id=person_id)
        return self._ask(lambda: [_link(row) for row in rows.all()])

    def all_links(self, person_id: int) -> list[Link]:
        rows = EventLink.objects.filter(person_id=person_id)
        return self._ask(lambda: [_link(row) for row in rows.all()])

    def link_count(self, person_id: int) -> int:
        return self._ask(lambda: EventLink.objects.filter(person_id=person_id).count())

    def links_save(
        self, work: PassWork, links: Sequence[Link], *, dropped: Collection[int], now: datetime
    ) -> list[Link]:
        """Write links and drop others, in one transaction; return the links with their row ids."""
        return self._write(work, lambda: _links_save(work, links, dropped=dropped, now=now))

    def cursor_save(self, work: PassWork, cursor: Cursor, *, now: datetime) -> None:
        self._write(work, lambda: _cursor_save(work, cursor, now=now))

    def token_save(self, work: PassWork, access: Access, token: Token) -> None:
        """Keep a new access token, and the refresh token if that was replaced, encrypted."""
        self._write(work, lambda: _token_save(access, token))

    def access_proven(self, work: PassWork, accesses: Collection[Access], *, now: datetime) -> None:
        def write() -> None:
            for access in accesses:
                _connection(access).update(state=ConnectionState.PROVEN, proven_at=now)

        self._write(work, write)

    def access_refused(self, work: PassWork, access: Access, *, now: datetime) -> None:
        """Keep that the provider refused, and drop the access token it refused."""
        self._write(
            work,
            lambda: _connection(access).update(
                state=ConnectionState.REFUSED, refused_at=now, access_token=None
            ),
        )


def _check_generation(work: PassWork, cursors: QuerySet[SyncCursor]) -> None:
    rows = cursors.filter(person_id=work.person_id)
    if rows.values_list("generation", flat=True).first() != work.generation:
        raise PassSupersededError


def _link(row: EventLink) -> Link:
    return Link(
        id=row.pk,
        google_id=row.google_event_id,
        salesforce_id=row.salesforce_event_id or "",
        base=base_from_json(row.base),
        state=LinkState(row.state),
        origin=Origin(row.origin),
        google_etag=row.google_etag,
        salesforce_stamp=row.salesforce_stamp,
    )


def _row(work: PassWork, link: Link, now: datetime) -> EventLink:
    return EventLink(
        pk=link.id,
        organization_id=work.organization_id,
        person_id=work.person_id,
        google_event_id=link.google_id,
        salesforce_event_id=link.salesforce_id or None,
        base=base_to_json(link.base),
        state=link.state.value,
        origin=link.origin.value,
        google_etag=link.google_etag,
        salesforce_stamp=link.salesforce_stamp,
        created_at=now,
        updated_at=now,
    )


CHANGING = (
    *("google_event_id", "salesforce_event_id", "base", "state", "origin"),
    *("google_etag", "salesforce_stamp", "updated_at"),
)


def _links_save(
    work: PassWork, links: Sequence[Link], *, dropped: Collection[int], now: datetime
) -> list[Link]:
    new = [_row(work, link, now) for link in links if link.id is None]
    known = [_row(work, link, now) for link in links if link.id is not None]
    if dropped:
        EventLink.objects.filter(pk__in=dropped).delete()
    if known:
        EventLink.objects.bulk_update(known, CHANGING)
    # Sent again after a lost connection, the same event meets its own row.
    EventLink.objects.bulk_create(
        new,
        update_conflicts=True,
        unique_fields=["person", "google_event_id"],
        update_fields=[name for name in CHANGING if name != "google_event_id"],
    )
    ids = iter([row.pk for row in new])
    return [replace(link, id=next(ids)) if link.id is None else link for link in links]


def _cursor_save(work: PassWork, cursor: Cursor, *, now: datetime) -> None:
    SyncCursor.objects.filter(person_id=work.person_id).update(
        window_start=cursor.window_start,
        google_sync_token=cursor.google_sync_token,
        salesforce_mark=cursor.salesforce_mark,
        salesforce_deleted_mark=cursor.salesforce_deleted_mark,
        salesforce_seen=dict(cursor.salesforce_seen),
        set_aside=[aside_to_json(aside) for aside in cursor.set_aside],
        updated_at=now,
    )


def _connection(access: Access) -> QuerySet[Connection]:
    """The connection as it was loaded: one granted anew meanwhile is none of this pass's."""
    return Connection.objects.filter(pk=access.connection_id, granted_at=access.granted_at)


def _token_save(access: Access, token: Token) -> None:
    values: dict[str, Any] = {
        "access_token": encrypt(token.value),
        "access_token_expires_at": token.expires_at,
    }
    if token.instance_url:
        values["instance_url"] = token.instance_url
    if token.refresh_token:
        values["refresh_token"] = encrypt(token.refresh_token)
    _connection(access).update(**values)


def is_proof_due(access: Access, now: datetime) -> bool:
    """Whether it should be written down that a connection works: on change, else once a day."""
    proven = access.proven_at
    return (
        access.state != ConnectionState.PROVEN
        or proven is None
        or now - proven >= timedelta(days=1)
    )


def is_refusal_due(access: Access, now: datetime) -> bool:
    """Whether a refusal should be written down: on change, else once an hour."""
    refused = access.refused_at
    return (
        access.state != ConnectionState.REFUSED
        or refused is None
        or now - refused >= timedelta(hours=1)
    )
