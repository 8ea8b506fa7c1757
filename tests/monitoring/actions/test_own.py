from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import Person
from monitoring.actions.own import (
    LONGEST_PAUSE,
    PauseRefusedError,
    own_pause,
    own_resume,
    pause_refusal,
)
from monitoring.audit.models import AuditEntry
from monitoring.health.holds import hold_place
from monitoring.health.models import Health, Hold, HoldAuthor, Transition
from tests.factories import NOW, make_organization, make_user
from tests.monitoring.console.makers import make_healthy

DAY = timedelta(days=1)
SOON = NOW + 3 * DAY


@pytest.fixture
def ada(db: None) -> Person:
    return make_healthy(make_organization(), name="Ada Lovelace")


def hold_by_admin(person: Person) -> Hold:
    user = make_user()
    return hold_place(
        person=person,
        author_kind=HoldAuthor.MEMBER,
        author=user,
        author_name=user.email,
        reason="On leave",
        now=NOW,
    )


def status(person: Person) -> str:
    return Health.objects.get(person=person).status


def test_a_pause_is_a_hold_of_the_person_with_an_end(ada: Person) -> None:
    hold = own_pause(person=ada, until=SOON, reason="  On leave ", now=NOW)
    assert (hold.author_kind, hold.author_name, hold.author) == ("person", "Ada Lovelace", None)
    assert (hold.reason, hold.ends_at) == ("On leave", SOON)
    assert status(ada) == "disabled"
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.person, entry.author_name) == ("person.pause", ada, "Ada Lovelace")
    assert entry.detail == {"by": "the person", "until": SOON.isoformat()}


def test_pausing_again_replaces_the_earlier_pause(ada: Person) -> None:
    own_pause(person=ada, until=SOON, reason="", now=NOW)
    own_pause(person=ada, until=SOON + DAY, reason="", now=NOW + DAY)
    (hold,) = Hold.objects.active_at(NOW + DAY)
    assert hold.ends_at == SOON + DAY
    assert list(Transition.objects.values_list("to_status", flat=True)) == ["disabled"]


def test_resuming_lifts_ones_own_pause(ada: Person) -> None:
    own_pause(person=ada, until=SOON, reason="", now=NOW)
    assert own_resume(person=ada, now=NOW + DAY) == 1
    assert status(ada) != "disabled"
    assert AuditEntry.objects.last().action == "person.resume"


def test_resuming_lifts_nobody_elses_hold(ada: Person) -> None:
    hold = hold_by_admin(ada)
    own_pause(person=ada, until=SOON, reason="", now=NOW)
    assert own_resume(person=ada, now=NOW) == 1
    assert list(Hold.objects.active_at(NOW)) == [hold]
    assert status(ada) == "disabled"


def test_resuming_without_a_pause_writes_nothing(ada: Person) -> None:
    hold_by_admin(ada)
    assert own_resume(person=ada, now=NOW) == 0
    assert not AuditEntry.objects.exists()


@pytest.mark.parametrize(
    ("until", "reason"),
    [(None, ""), (NOW, ""), (NOW + LONGEST_PAUSE + DAY, ""), (SOON, "x" * 501)],
)
def test_a_pause_that_cannot_be_is_refused_with_a_sentence(
    ada: Person, until: object, reason: str
) -> None:
    with pytest.raises(PauseRefusedError, match=r"\.$"):
        own_pause(person=ada, until=until, reason=reason, now=NOW)  # type: ignore[arg-type]
    assert not Hold.objects.exists()


@given(st.timedeltas(-400 * DAY, 400 * DAY))
def test_every_pause_ends_within_its_longest(span: timedelta) -> None:
    is_refused = bool(pause_refusal(NOW + span, "", NOW))
    assert is_refused == (not timedelta() < span <= LONGEST_PAUSE)


def test_a_pause_can_be_ended_until_the_tick_has_carried_its_end_out(ada: Person) -> None:
    own_pause(person=ada, until=SOON, reason="", now=NOW)
    assert status(ada) == "disabled"
    assert own_resume(person=ada, now=SOON + timedelta(seconds=5)) == 1
    assert status(ada) == "healthy"
