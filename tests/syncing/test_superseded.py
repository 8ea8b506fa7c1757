"""Two passes of one person: what the first learns too late it neither keeps nor sends."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest

from accounts.models import Connection
from syncing.models import EventLink, SyncCursor
from syncing.providers.tokens import Token
from syncing.reports import PassResult
from syncing.store import PassSupersededError, load_work
from tests.syncing.interference import at_request
from tests.syncing.rig import ADA, Rig
from tests.syncing.test_crash import build, restart

PATIENT, HURRIED = 3600, 45


def everything_kept() -> list[Any]:
    models = (EventLink, SyncCursor, Connection)
    return [list(model.objects.order_by("pk").values()) for model in models]


def edit_one_more(rig: Rig) -> None:
    (event,) = [e for e in rig.world.google_events(ADA) if e["summary"].startswith("Edited in")]
    rig.world.google_edit(ADA, event["id"], summary="Edited in the meantime")


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("seconds", [PATIENT, HURRIED])
def test_a_pass_that_was_frozen_undoes_nothing(rig: Rig, seconds: int, after: bool) -> None:
    for number in count(1):
        restart(rig)
        build(rig)
        kept: list[Any] = []

        def live_on(kept: list[Any] = kept) -> None:
            edit_one_more(rig)
            rig.settle(passes=4)
            kept += [everything_kept(), rig.google()]
            rig.simulator.log.clear()

        with at_request(number, live_on, after=after):
            report = rig.sync(seconds=seconds)
        if not kept:
            break
        assert [everything_kept(), rig.google()] == kept, f"frozen at request {number}"
        assert rig.google() == rig.salesforce()
        done = [entry for entry in rig.writes() if (entry.status or 0) < 300]
        # The frozen request itself was on its way and can't be called back.
        assert len(done) <= (not after), f"frozen at request {number}"
        assert report.result is PassResult.FAILURE or seconds == HURRIED
        assert report.error is not None
        words = ("PassSuperseded", "DeadlineReached")[: 1 if seconds == PATIENT else 2]
        assert any(word in report.error.body for word in words)
    assert number > 12


@pytest.mark.parametrize("after", [False, True])
def test_an_older_token_does_not_replace_a_newer_one(rig: Rig, after: bool) -> None:
    rig.sync()
    for number in count(1):
        rig.world.expire_access_tokens()
        kept: list[Any] = []

        def live_on(kept: list[Any] = kept) -> None:
            rig.sync()
            kept += everything_kept()

        with at_request(number, live_on, after=after):
            report = rig.sync(seconds=PATIENT)
        if not kept:
            break
        assert everything_kept() == kept, f"frozen at request {number}"
        assert report.result is PassResult.SUCCESS or "PassSuperseded" in str(report.error)
    assert number > 4


def test_each_write_of_a_superseded_pass_is_refused(rig: Rig) -> None:
    rig.sync()
    old, new = (load_work([rig.people[ADA].pk])[rig.people[ADA].pk] for _ in range(2))
    assert old.cursor is not None
    assert old.google is not None
    assert new.generation > old.generation
    google, cursor, now = old.google, old.cursor, rig.clock()
    kept = everything_kept()
    for write in (
        lambda: rig.store.links_save(old, (), dropped=[1], now=now),
        lambda: rig.store.cursor_save(old, cursor, now=now),
        lambda: rig.store.token_save(old, google, Token("late")),
        lambda: rig.store.access_proven(old, [google], now=now),
        lambda: rig.store.access_refused(old, google, now=now),
    ):
        with pytest.raises(PassSupersededError):
            write()
    assert everything_kept() == kept
    rig.store.cursor_save(new, cursor, now=now)


def test_a_batch_takes_its_generations_at_once_and_each_person_has_their_own(rig: Rig) -> None:
    people = [person.pk for person in rig.people.values()]
    first = {pk: work.generation for pk, work in load_work(people).items()}
    again = load_work(people[:1])
    assert again[people[0]].generation == first[people[0]] + 1
    assert again[people[0]].cursor is None, "nothing was ever read to its end"
    assert load_work(people)[people[1]].generation == first[people[1]] + 1
