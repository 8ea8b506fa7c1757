"""Two connections at once: holds against holds, delivery against delivery."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from threading import Barrier, Thread
from typing import Any

import pytest
from django.db import connections, transaction

from monitoring.health.holds import hold_place, hold_release
from monitoring.health.models import Health, HoldAuthor
from monitoring.intake.ingest import outcomes_ingest
from monitoring.intake.schema import split
from monitoring.outcomes.models import Outcome
from tests.factories import NOW, make_organization, make_person, make_user
from tests.monitoring.intake.makers import as_lines, make_line

pytestmark = pytest.mark.django_db(transaction=True)
LATER = NOW + timedelta(hours=1)


def begin(work: Callable[[], Any], raised: list[Exception]) -> Thread:
    """Start the work in a thread with a connection of its own; keep what it raises."""

    def run() -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001 - the test asserts that there was none
            raised.append(error)
        finally:
            connections.close_all()

    thread = Thread(target=run)
    thread.start()
    return thread


def place(person: Any, author: Any, reason: str) -> Any:
    return hold_place(
        person=person,
        author_kind=HoldAuthor.MEMBER,
        author=author,
        author_name="Casey",
        reason=reason,
        now=NOW,
    )


def test_a_hold_placed_while_another_is_being_lifted_keeps_the_person_off() -> None:
    author, person = make_user(), make_person()
    first = place(person, author, "first")
    raised: list[Exception] = []
    with transaction.atomic():
        Health.objects.select_for_update().get(person=person)
        lifting = begin(partial(hold_release, hold=first, author=author, now=NOW), raised)
        # It has to wait for the row we hold; what we place meanwhile must count when it goes on.
        lifting.join(0.5)
        assert lifting.is_alive()
        place(person, author, "second")
    lifting.join(30)
    assert raised == []
    health = Health.objects.select_related("hold").get(person=person)
    assert (health.status, health.hold.reason) == ("disabled", "second")


def test_deliveries_of_the_same_attempts_in_any_order_never_wait_in_a_circle() -> None:
    organization = make_organization()
    people = [make_person(organization) for _ in range(60)]
    raised: list[Exception] = []
    for _ in range(4):
        lines = [make_line(person) for person in people]
        barrier = Barrier(2)

        def deliver(body: bytes, barrier: Barrier = barrier) -> None:
            barrier.wait(10)
            outcomes_ingest(split(body), organization=organization, source="a test", now=LATER)

        bodies = as_lines(*lines), as_lines(*reversed(lines))
        for thread in [begin(partial(deliver, body), raised) for body in bodies]:
            thread.join(30)
    assert raised == []
    assert Outcome.objects.count() == 4 * len(people)
