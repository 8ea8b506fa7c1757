from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db.models import Exists, Subquery
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase
from pytest_django import DjangoAssertNumQueries

from monitoring.alerts.matchers import Matcher
from monitoring.alerts.models import Silence
from monitoring.alerts.mutes import (
    active_silences,
    lasting_silences,
    mutes,
    silence_lines,
    silences_in_force,
    silences_over_person,
)
from monitoring.alerts.muting import silenced
from monitoring.alerts.silences import silence_end, silence_lift
from monitoring.health.models import Health
from tests.factories import NOW, make_connected_person, make_organization, make_person
from tests.monitoring.alerts.makers import make_matcher, make_silence
from tests.monitoring.alerts.test_muting import FACTS, make_hurt
from tests.monitoring.errors.makers import make_access

pytestmark = pytest.mark.django_db
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.mark.parametrize("silences", [1, 12])
def test_active_ones_are_told_with_how_many_they_mute_in_one_statement(
    django_assert_num_queries: DjangoAssertNumQueries, silences: int
) -> None:
    access = make_access()
    ada, ben, *_ = people = [make_connected_person(access.organization) for _ in range(4)]
    for _ in range(silences - 1):
        make_silence(access.organization, people, ends_at=NOW + HOUR)
    silence = make_silence(access.organization, [ada, ben, people[2]], reason="A fair")
    silence_lift(silence_id=silence.pk, people=[ben.pk], now=NOW)
    over = make_silence(access.organization, people)
    silence_end(access=access, silence=over, now=NOW)
    make_silence(make_organization(), [])
    with django_assert_num_queries(1):
        found = active_silences(access, NOW)
    assert len(found) == silences
    assert (found[0].id, found[0].reason) == (silence.pk, "A fair")
    assert (found[0].people, found[0].share) == (2, 0.5)


def test_the_first_people_of_each_are_named() -> None:
    access = make_access()
    acme = access.organization
    people = [make_person(acme, name=f"Person {place}") for place in range(5)]
    many, one, none = (make_silence(acme, some) for some in (people, people[4:], []))
    silence_lift(silence_id=many.pk, people=[people[1].pk], now=NOW)
    names = {each.id: each.names for each in active_silences(access, NOW)}
    assert names == {
        many.pk: ("Person 0", "Person 2", "Person 3"),
        one.pk: ("Person 4",),
        none.pk: (),
    }


def test_one_of_people_who_are_gone_mutes_nobody() -> None:
    access = make_access()
    make_silence(access.organization, [])
    (found,) = active_silences(access, NOW)
    assert (found.people, found.share) == (0, 0.0)


class Counting(TestCase):
    @settings(max_examples=40, deadline=None)
    @given(people=st.lists(st.tuples(*FACTS), max_size=8), wanted=st.tuples(*FACTS))
    def test_what_the_preview_and_the_list_count_is_whom_the_silence_then_mutes(
        self, people: Any, wanted: Any
    ) -> None:
        access, matcher = make_access(), Matcher(*wanted)
        names = ("team", "cause", "provider")
        made = [
            make_hurt(access.organization, **dict(zip(names, each, strict=True))) for each in people
        ]
        make_hurt(make_organization(), **dict(zip(names, wanted, strict=True)))
        preview = mutes(access, matcher)
        make_matcher(access.organization, **dict(zip(names, wanted, strict=True)))
        muted = silenced([each.pk for each in made], NOW)
        (listed,) = active_silences(access, NOW)
        assert preview.people == listed.people == len(muted)
        assert preview.reach == listed.reach
        over = Health.objects.filter(Exists(silences_over_person(NOW)))
        assert set(over.values_list("pk", flat=True)) == muted
        assert preview.share == listed.share == (len(muted) / len(made) if made else 0)
        assert set(preview.names) <= {each.name for each in made if each.pk in muted}
        assert preview.people <= preview.reach <= max(preview.known, 1)


def test_the_preview_names_the_worst_off_and_tells_who_needs_attention() -> None:
    access = make_access()
    people = [make_hurt(access.organization, team="Sales") for _ in range(7)]
    Health.objects.filter(person=people[5]).update(status="stalled", severity=0)
    found = mutes(access, Matcher(team="Sales"), names=2)
    assert (found.people, found.stalled, found.names[0]) == (7, 1, people[5].name)
    assert len(found.names) == 2


def test_a_provider_may_come_to_mute_everybody_who_is_connected() -> None:
    """W26: a broad matcher mutes few on a good day, and everybody on a bad one."""
    access = make_access()
    for team in ("Sales", "Sales", "Support"):
        make_hurt(access.organization, team=team)
    make_hurt(access.organization, cause="never_connected")
    found = mutes(access, Matcher(provider="salesforce"))
    assert (found.people, found.reach, found.known) == (0, 3, 4)
    assert found.reached_share == 0.75
    assert mutes(access, Matcher("Sales", "", "salesforce")).reach == 2
    assert mutes(access, Matcher("", "sf-session", "salesforce")).reach == 3


def test_a_cause_may_come_to_mute_everybody_who_is_connected() -> None:
    access = make_access()
    for team in ("Sales", "Sales", "Support", "Support"):
        make_hurt(access.organization, team=team)
    make_hurt(access.organization, cause="silent", team="Sales")
    make_hurt(access.organization, cause="never_connected", team="Sales")
    found = mutes(access, Matcher(cause="silent"))
    assert (found.people, found.reach, found.known) == (1, 5, 6)
    assert mutes(access, Matcher("Sales", "silent")).reach == 3
    for team, reach in (("", 5), ("Sales", 3)):
        make_matcher(access.organization, team=team, cause="silent")
        (listed, *_) = active_silences(access, NOW)
        assert (listed.people, listed.reach, listed.reached_share) == (1, reach, reach / 6)


@pytest.mark.parametrize("silences", [1, 12])
def test_matchers_are_counted_in_the_same_one_statement(
    django_assert_num_queries: DjangoAssertNumQueries, silences: int
) -> None:
    access = make_access()
    make_hurt(access.organization, team="Sales", cause="sf-session", provider="salesforce")
    make_hurt(access.organization, provider="google")
    for _ in range(silences):
        for facts in ({}, {"team": "Sales"}, {"cause": "sf-session"}, {"provider": "google"}):
            make_matcher(access.organization, **facts)
    with django_assert_num_queries(1):
        found = active_silences(access, NOW)
    assert [each.people for each in found[:4]] == [1, 1, 1, 2]
    assert len(found) == 4 * silences
    with django_assert_num_queries(4):
        assert mutes(access, Matcher(provider="google")).people == 1


def test_those_to_come_are_told_apart_the_next_first() -> None:
    access = make_access()
    later = make_matcher(access.organization, started_at=NOW + 5 * HOUR)
    sooner = make_matcher(access.organization, started_at=NOW + HOUR, announcement="Planned")
    off = make_matcher(access.organization, started_at=NOW + HOUR)
    silence_end(access=access, silence=off, now=NOW)
    active, found = lasting_silences(access.organization.pk, NOW)
    assert active == []
    assert [each.id for each in found] == [sooner.pk, later.pk]
    assert found[0].announcement == "Planned"
    assert [each.id for each in active_silences(access, NOW + HOUR)] == [sooner.pk]


def test_an_alert_tells_of_all_silences_in_force_however_few_they_mute(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    large, over, small, none = (make_organization() for _ in range(4))
    for organization in (large, over, small, none):
        for _ in range(8):
            make_person(organization)
    first, second, *_ = people = list(large.persons.order_by("id"))
    make_silence(large, [first, second])
    make_silence(large, [second])
    make_silence(over, [over.persons.first()], now=NOW - DAY, ends_at=NOW)
    make_silence(small, [small.persons.first()])
    asked = [each.pk for each in (large, over, small, none)]
    with django_assert_num_queries(2):
        assert silences_in_force(asked, NOW) == {large.pk: (2, 2), small.pk: (1, 1)}
    with django_assert_num_queries(1):
        assert silences_in_force([none.pk], NOW) == {}
    make_matcher(large)
    assert silences_in_force([large.pk], NOW) == {large.pk: (3, len(people))}


def test_of_one_person_the_longest_silence_is_found_first_whatever_its_kind() -> None:
    acme, globex = make_organization(), make_organization()
    ada, ben = make_hurt(acme, team="Sales"), make_hurt(globex)
    named = make_silence(acme, [ada, ben], ends_at=NOW + HOUR)
    team = make_matcher(acme, team="Sales", ends_at=NOW + 2 * HOUR)
    make_matcher(acme, provider="google", ends_at=NOW + 3 * HOUR)
    longest = Subquery(silences_over_person(NOW).values("pk")[:1])

    def over() -> dict[int, int | None]:
        return dict(Health.objects.annotate(silence=longest).values_list("pk", "silence"))

    assert over() == {ada.pk: team.pk, ben.pk: None}
    Silence.objects.filter(pk=team.pk).update(ended_at=NOW)
    assert over() == {ada.pk: named.pk, ben.pk: None}
    silence_lift(silence_id=named.pk, people=[ada.pk], now=NOW)
    assert over() == {ada.pk: None, ben.pk: None}


def test_a_digest_has_a_line_for_each_in_the_readers_time() -> None:
    acme, globex = make_organization(), make_organization()
    make_matcher(globex)
    assert silence_lines(acme.pk, NOW) == []
    make_hurt(acme, cause="salesforce-session-policy", provider="salesforce", team="Sales")
    end = datetime(2026, 11, 21, 4, 0, tzinfo=NOW.tzinfo)
    make_matcher(acme, provider="salesforce", author_name="C", reason="Ice", ends_at=end)
    make_silence(
        acme,
        [make_person(acme, name=name) for name in ("Ada", "Eve")],
        author_name="Ben",
        reason="A fair",
    )
    assert silence_lines(acme.pk, NOW, ZoneInfo("Europe/Berlin")) == [
        "Ada, Eve: 2 people muted until 2026-11-21 13:00 (Europe/Berlin), by Ben: A fair",
        "Trouble with Salesforce: 1 person muted until 2026-11-21 05:00 (Europe/Berlin), by C: Ice",
    ]
    Silence.objects.filter(is_matcher=True).update(ends_at=NOW)
    assert len(silence_lines(acme.pk, NOW)) == 1
