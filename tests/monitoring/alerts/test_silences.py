from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from pytest_django import DjangoAssertNumQueries

from accounts.models import Role
from monitoring.alerts.matchers import FURTHEST, LONGEST, SilenceRefusedError
from monitoring.alerts.models import Silence
from monitoring.alerts.muting import silenced
from monitoring.alerts.silences import silence_change, silence_define, silence_end, silence_lift
from monitoring.audit.models import AuditEntry
from monitoring.health.models import Health
from tests.factories import NOW, make_connected_person, make_organization, make_person
from tests.monitoring.alerts.makers import make_matcher, make_silence
from tests.monitoring.errors.makers import make_access

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def test_people_are_silenced_from_its_beginning_to_its_end() -> None:
    acme = make_organization()
    ada, ben, eve = (make_person(acme) for _ in range(3))
    make_silence(acme, [ada, ben], ends_at=NOW + HOUR)
    everybody = [ada.pk, ben.pk, eve.pk]
    assert silenced(everybody, NOW) == {ada.pk, ben.pk}
    assert silenced([eve.pk], NOW) == set()
    assert silenced(everybody, NOW + HOUR) == set()
    assert silenced(everybody, NOW - HOUR) == set()


def test_health_is_judged_as_ever() -> None:
    person = make_connected_person()
    before = Health.objects.filter(person=person).values().get()
    make_silence(person.organization, [person])
    assert Health.objects.filter(person=person).values().get() == before


def test_nobody_of_another_organization_gets_into_one() -> None:
    acme, stranger = make_organization(), make_person()
    silence = make_silence(acme, [stranger])
    assert silence.members.count() == 0
    assert silenced([stranger.pk], NOW) == set()


def test_an_end_that_is_past_is_refused() -> None:
    with pytest.raises(ValueError, match="time to come"):
        make_silence(make_organization(), [], ends_at=NOW)
    assert not Silence.objects.exists()


def test_many_people_take_as_many_statements_as_few(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    access = make_access()
    people = [make_person(access.organization) for _ in range(30)]
    with django_assert_num_queries(4):
        make_silence(access.organization, people, author=access.user)
    with django_assert_num_queries(1):
        assert len(silenced([person.pk for person in people], NOW)) == 30


def test_lifting_takes_some_out_and_leaves_the_others_and_other_silences() -> None:
    acme = make_organization()
    ada, ben = make_person(acme), make_person(acme)
    silence, other = make_silence(acme, [ada, ben]), make_silence(acme, [ada])
    assert silence_lift(silence_id=silence.pk, people=[ben.pk], now=NOW) == 1
    assert silence_lift(silence_id=silence.pk, people=[ben.pk], now=NOW) == 0
    assert silenced([ada.pk, ben.pk], NOW) == {ada.pk}
    assert Silence.objects.get(pk=silence.pk).ended_at is None
    assert silence_lift(silence_id=silence.pk, people=[ada.pk], now=NOW) == 1
    assert Silence.objects.get(pk=silence.pk).ended_at == NOW
    assert silenced([ada.pk], NOW) == {ada.pk}
    assert Silence.objects.get(pk=other.pk).ended_at is None


def test_ending_one_is_written_down_once() -> None:
    access = make_access(email="casey@acme.example")
    ada = make_person(access.organization)
    silence = make_silence(access.organization, [ada])
    assert silence_end(access=access, silence=silence, now=NOW + HOUR)
    assert not silence_end(access=access, silence=silence, now=NOW + 2 * HOUR)
    stored = Silence.objects.get()
    assert (stored.ended_at, stored.ended_by_name) == (NOW + HOUR, "casey@acme.example")
    assert silenced([ada.pk], NOW + HOUR) == set()
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.detail) == ("silence.end", {"silence": silence.pk})


def test_who_may_only_look_or_belongs_elsewhere_is_refused() -> None:
    acme = make_organization()
    silence = make_silence(acme, [])
    for access in (make_access(acme, role=Role.VIEWER), make_access()):
        with pytest.raises(PermissionDenied):
            silence_end(access=access, silence=silence, now=NOW)
    assert Silence.objects.get().ended_at is None


def defined(access: Any, **overrides: Any) -> Silence:
    fields = {"provider": "salesforce", "reason": "Planned work", "ends_at": NOW + HOUR}
    return silence_define(**{"access": access, "now": NOW} | fields | overrides)


def test_of_whoever_matches_only_so_many_last_or_are_to_come() -> None:
    access = make_access()
    for number in range(100):
        begins = NOW + number % 2 * HOUR
        make_matcher(access.organization, author=access.user, started_at=begins)
    make_silence(access.organization, [], author=access.user)
    make_matcher(make_organization())
    with pytest.raises(SilenceRefusedError, match="100 silences at most") as error:
        defined(access)
    assert error.value.field == ""
    assert silence_end(access=access, silence=Silence.objects.earliest("pk"), now=NOW)
    assert defined(access).is_matcher


def test_one_of_whoever_matches_is_written_down_with_what_it_matches() -> None:
    access = make_access(email="casey@acme.example")
    ada = make_person(access.organization, team="Sales")
    silence = defined(access, team="Sales", provider="", reason=" At a fair ")
    stored = Silence.objects.get()
    assert (stored.is_matcher, stored.team, stored.reason) == (True, "Sales", "At a fair")
    assert (stored.author_name, stored.started_at) == ("casey@acme.example", NOW)
    assert silenced([ada.pk], NOW) == {ada.pk}
    entry = AuditEntry.objects.get()
    assert entry.action == "silence.define"
    assert (entry.detail["silence"], entry.detail["team"]) == (silence.pk, "Sales")


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"provider": ""}, ""),
        ({"everybody": True}, "everybody"),
        ({"provider": "elsewhere"}, "provider"),
        ({"team": "Nobody's"}, "team"),
        ({"reason": "  "}, "reason"),
        ({"reason": "x" * 501}, "reason"),
        ({"ends_at": NOW}, "until"),
        ({"starts_at": NOW + 2 * HOUR}, "until"),
        ({"ends_at": NOW + LONGEST + HOUR}, "until"),
        ({"starts_at": NOW + FURTHEST + HOUR, "ends_at": NOW + FURTHEST + 2 * HOUR}, "starts"),
    ],
)
def test_what_makes_no_silence_is_refused(wrong: Any, field: str) -> None:
    with pytest.raises(SilenceRefusedError) as refusal:
        defined(make_access(), **wrong)
    assert refusal.value.field == field
    assert not Silence.objects.exists()
    assert not AuditEntry.objects.exists()


def test_everybody_is_muted_only_where_that_is_said() -> None:
    access = make_access()
    ada = make_person(access.organization)
    defined(access, provider="", everybody=True)
    assert silenced([ada.pk], NOW) == {ada.pk}


def test_one_cannot_have_begun_before_it_was_placed() -> None:
    silence = defined(make_access(), starts_at=NOW - HOUR)
    assert silence.started_at == NOW


def test_the_end_moves_and_what_is_over_does_not_come_back() -> None:
    """W26: an expired silence must not return by itself."""
    access = make_access()
    ada = make_person(access.organization)
    silence = defined(access, provider="", everybody=True)
    later = NOW + 3 * HOUR
    assert silence_change(access=access, silence=silence, ends_at=later, now=NOW)
    assert silenced([ada.pk], NOW + 2 * HOUR) == {ada.pk}
    for moment in (later, later + timedelta(days=7), later + timedelta(days=365)):
        assert silenced([ada.pk], moment) == set()
        end = moment + HOUR
        assert not silence_change(access=access, silence=silence, ends_at=end, now=moment)
        assert not silence_end(access=access, silence=silence, now=moment)
    assert Silence.objects.get().ends_at == later
    actions = list(AuditEntry.objects.order_by("id").values_list("action", flat=True))
    assert actions == ["silence.define", "silence.change"]


@pytest.mark.parametrize("end", [NOW, NOW - HOUR, NOW + LONGEST + HOUR])
def test_an_end_that_cannot_be_is_refused(end: datetime) -> None:
    access = make_access()
    silence = defined(access)
    with pytest.raises(SilenceRefusedError):
        silence_change(access=access, silence=silence, ends_at=end, now=NOW)
    assert Silence.objects.get().ends_at == NOW + HOUR


def test_one_that_was_ended_cannot_be_made_longer() -> None:
    access = make_access()
    silence = defined(access)
    assert silence_end(access=access, silence=silence, now=NOW)
    assert not silence_change(access=access, silence=silence, ends_at=NOW + 2 * HOUR, now=NOW)


def test_a_window_to_come_is_called_off() -> None:
    access = make_access()
    ada = make_person(access.organization)
    silence = make_matcher(access.organization, started_at=NOW + HOUR, ends_at=NOW + 3 * HOUR)
    assert silence_end(access=access, silence=silence, now=NOW)
    assert silenced([ada.pk], NOW + 2 * HOUR) == set()


def test_lifting_one_never_lifts_another_that_overlaps() -> None:
    """Design, rule 7: named or matched, each silence is a fact of its own."""
    access = make_access()
    ada = make_person(access.organization, team="Sales")
    named = make_silence(access.organization, [ada], ends_at=NOW + 2 * HOUR)
    team = defined(access, team="Sales", provider="")
    everybody = defined(access, provider="", everybody=True, ends_at=NOW + 3 * HOUR)
    assert silence_end(access=access, silence=team, now=NOW)
    assert silenced([ada.pk], NOW) == {ada.pk}
    silence_lift(silence_id=named.pk, people=[ada.pk], now=NOW)
    assert silenced([ada.pk], NOW) == {ada.pk}
    assert silence_end(access=access, silence=everybody, now=NOW)
    assert silenced([ada.pk], NOW) == set()


def test_who_may_only_look_or_belongs_elsewhere_can_neither_define_nor_change_one() -> None:
    acme = make_organization()
    silence = make_matcher(acme)
    viewer, stranger = make_access(acme, role=Role.VIEWER), make_access()
    with pytest.raises(PermissionDenied):
        defined(viewer)
    for access in (viewer, stranger):
        with pytest.raises(PermissionDenied):
            silence_change(access=access, silence=silence, ends_at=NOW + HOUR, now=NOW)
    assert Silence.objects.count() == 1


def test_a_team_of_another_organization_is_nobodys() -> None:
    make_person(make_organization(), team="Elsewhere")
    with pytest.raises(SilenceRefusedError, match="Nobody is in a team"):
        defined(make_access(), team="Elsewhere", provider="")
