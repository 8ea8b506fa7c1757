"""Sync now: put the people's syncs ahead of periodic work, paced; outcomes bring the results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import Exists, OuterRef, Q

from accounts.access import Access
from accounts.models import Connection, Provider
from monitoring.actions.checking import left_out_now, skipped
from monitoring.actions.deeds import Manner, Result
from monitoring.actions.models import Action, ActionPerson, Kind, PersonState
from monitoring.actions.pacing import start_offsets
from monitoring.jobs.doorbell import doorbells_needed, ring
from monitoring.jobs.models import Lane
from monitoring.jobs.queue import jobs_bulk, seconds_to_last_start


class SyncDeed:
    kind = Kind.SYNC
    manner = Manner.PACED
    reversible = False
    slice = 1_000

    def clean(self, given: Mapping[str, Any], *, access: Access, now: datetime) -> dict[str, Any]:
        return {}

    def left_out(self, parameters: Mapping[str, Any], now: datetime) -> list[tuple[str, Q]]:
        """The same reasons, in the same order, as `monitoring.actions.people.sync_refusal`.

        Besides, who is to leave a provider alone for a time is left alone.
        """
        connections = Connection.objects.filter(person=OuterRef("person_id"))
        connected = Q()
        for provider in Provider:
            connected &= Q(Exists(connections.filter(provider=provider)))
        runs_elsewhere = Q(runs_here=False)
        return [
            ("held", Q(hold__isnull=False)),
            ("elsewhere", runs_elsewhere & Q(last_attempt_at__isnull=False)),
            ("not_connected", ~connected),
            ("elsewhere", runs_elsewhere),
            ("told_to_wait", Q(not_before__gt=now)),
        ]

    def do(
        self, action: Action, people: Sequence[ActionPerson], now: datetime
    ) -> Mapping[int, Result]:
        person_ids = [one.person_id for one in people]
        left_out = left_out_now(self, action, person_ids, now)
        others = [person for person in person_ids if person not in left_out]
        offsets = start_offsets(
            len(others),
            seconds_to_last_start(organization_id=action.organization_id, lane=Lane.BULK),
            settings.ACTION_PEOPLE_PER_SECOND,
        )
        attempts = jobs_bulk(starts=list(zip(others, offsets, strict=True)), now=now)
        ring(Lane.BULK, doorbells_needed(len(attempts), settings.DRAIN_SLOTS))
        asked = {
            person: Result(PersonState.RUNNING, attempt_id=attempt)
            for person, attempt in attempts.items()
        }
        return asked | skipped(left_out)

    def undo(
        self, action: Action, people: Sequence[ActionPerson], now: datetime
    ) -> Mapping[int, Result]:
        raise NotImplementedError("What was synced stays.")
