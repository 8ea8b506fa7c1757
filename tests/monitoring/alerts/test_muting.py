from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase
from pytest_django import DjangoAssertNumQueries

from accounts.models import Organization, Person
from monitoring.alerts.models import Silence
from monitoring.alerts.muting import (
    SILENCED,
    organizations_with_silences,
    silenced,
    silenced_of_incidents,
)
from monitoring.health.models import Health
from monitoring.incidents.models import Hit, Incident
from tests.factories import NOW, make_organization, make_person
from tests.monitoring.alerts.makers import make_matcher, make_silence

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
TEAMS, CAUSES = ("", "Sales", "Support"), ("", "sf-session", "google-revoked")
SIDES = ("", "google", "salesforce")
FACTS = tuple(st.sampled_from(each) for each in (TEAMS, CAUSES, SIDES))
STARTS = st.sampled_from([-2, -1, 0, 1])


def make_hurt(organization: Organization, **facts: str) -> Person:
    """A person of a `team`, with a `cause`, whose last run failed at a `provider`."""
    person = make_person(organization, team=facts.get("team", ""))
    signature = f"{facts['provider']} 401 SOMETHING" if facts.get("provider") else None
    Health.objects.filter(person=person).update(
        cause=facts.get("cause", ""), last_signature=signature
    )
    return person


def silenced_in(organizations: Collection[Organization], now: datetime = NOW) -> set[int]:
    """What a statement around SILENCED finds."""
    values = {"organizations": [each.pk for each in organizations], "now": now}
    with connection.cursor() as cursor:
        cursor.execute(SILENCED, values)
        return {person for (person,) in cursor.fetchall()}


def make_incident(organization: Organization | None, hit: Collection[Person], **facts: Any) -> Any:
    fields = {"signature": "salesforce 503", "began_at": NOW, "opened_at": NOW}
    incident = Incident.objects.create(
        **{"organization": organization, "provider": "salesforce"} | fields | facts
    )
    times = dict.fromkeys(("first_failed_at", "last_failed_at", "gap_since"), NOW)
    for person in hit:
        Hit.objects.create(
            incident=incident, organization_id=person.organization_id, person=person, **times
        )
    return incident


def test_a_matcher_mutes_who_has_its_team_its_cause_and_its_provider() -> None:
    acme = make_organization()
    facts = {"team": "Sales", "cause": "sf-session", "provider": "salesforce"}
    whole = make_hurt(acme, **facts)
    others = [make_hurt(acme, **facts | {name: "elsewhere"}) for name in facts]
    make_matcher(acme, **facts)
    assert silenced_in([acme]) == {whole.pk}
    assert silenced([each.pk for each in (whole, *others)], NOW) == {whole.pk}


def test_who_comes_to_match_later_is_muted_and_who_matches_no_more_is_not() -> None:
    acme = make_organization()
    make_matcher(acme, provider="salesforce")
    ada, ben = make_hurt(acme, provider="salesforce"), make_hurt(acme)
    assert silenced_in([acme]) == {ada.pk}
    Health.objects.filter(person=ada).update(last_signature=None)
    Health.objects.filter(person=ben).update(last_signature="salesforce 503")
    assert silenced_in([acme]) == silenced([ada.pk, ben.pk], NOW) == {ben.pk}


def test_a_provider_is_told_by_its_whole_name() -> None:
    acme = make_organization()
    ada = make_hurt(acme, provider="salesforce")
    make_matcher(acme, provider="sales")
    make_matcher(acme, provider="sales_orce")
    assert silenced([ada.pk], NOW) == silenced_in([acme]) == set()


def test_a_matcher_that_names_nothing_mutes_everybody_of_its_organization_alone() -> None:
    acme, globex = make_organization(), make_organization()
    ada, stranger = make_hurt(acme), make_hurt(globex)
    make_matcher(acme)
    assert silenced_in([acme, globex]) == silenced([ada.pk, stranger.pk], NOW) == {ada.pk}
    assert silenced_in([globex]) == set()
    assert organizations_with_silences(NOW) == {acme.pk}


def test_one_that_begins_later_mutes_nobody_before() -> None:
    acme = make_organization()
    ada = make_hurt(acme)
    make_matcher(acme, started_at=NOW + HOUR, ends_at=NOW + 2 * HOUR)
    for moment, muted in ((NOW, set()), (NOW + HOUR, {ada.pk}), (NOW + 2 * HOUR, set())):
        assert silenced_in([acme], moment) == silenced([ada.pk], moment) == muted
        assert organizations_with_silences(moment) == ({acme.pk} if muted else set())


class Muting(TestCase):
    @settings(max_examples=40, deadline=None)
    @given(
        people=st.lists(st.tuples(*FACTS), max_size=8),
        matchers=st.lists(st.tuples(*FACTS, STARTS), max_size=4),
        named=st.lists(st.sets(st.integers(0, 7)), max_size=2),
    )
    def test_both_fragments_mute_whom_a_plain_reading_would(
        self, people: Any, matchers: Any, named: Any
    ) -> None:
        acme = make_organization()
        fields = [dict(zip(("team", "cause", "provider"), each, strict=True)) for each in people]
        made = [make_hurt(acme, **each) for each in fields]
        for team, cause, provider, start in matchers:
            start = NOW + start * HOUR
            end = start + 2 * HOUR
            make_matcher(
                acme, team=team, cause=cause, provider=provider, started_at=start, ends_at=end
            )
        for places in named:
            make_silence(acme, [made[place] for place in places if place < len(made)])
        in_force = [each for *each, start in matchers if start in {-1, 0}]
        expected = {
            person.pk
            for place, (person, facts) in enumerate(zip(made, fields, strict=True))
            if any(place in places for places in named)
            or any(fits(dict(zip(facts, each, strict=True)), facts) for each in in_force)
        }
        assert silenced_in([acme]) == silenced([each.pk for each in made], NOW) == expected


def fits(matcher: Mapping[str, str], facts: Mapping[str, str]) -> bool:
    return all(not wanted or wanted == facts[name] for name, wanted in matcher.items())


def test_of_an_incident_all_it_hit_count_by_its_own_cause_and_provider() -> None:
    acme = make_organization()
    through, waiting = make_hurt(acme), make_hurt(acme, provider="network", team="Sales")
    incident = make_incident(acme, [through, waiting], rule="sf-maintenance")
    assert silenced_of_incidents([incident.pk], NOW) == {}
    for matcher, people in (
        ({"provider": "salesforce"}, 2),
        ({"cause": "sf-maintenance"}, 2),
        ({"provider": "google"}, 0),
        ({"team": "Sales", "provider": "salesforce"}, 1),
    ):
        silence = make_matcher(acme, **matcher)
        expected = {incident.pk: people} if people else {}
        assert silenced_of_incidents([incident.pk], NOW) == expected
        Silence.objects.filter(pk=silence.pk).update(ended_at=NOW)


def test_of_an_incident_across_organizations_those_of_its_parts_count() -> None:
    acme, globex = make_organization(), make_organization()
    ada, ben, eve = make_hurt(acme), make_hurt(acme), make_hurt(globex)
    across = make_incident(None, [])
    part = make_incident(acme, [ada, ben], part_of=across)
    other = make_incident(globex, [eve], part_of=across)
    make_silence(acme, [ada])
    make_matcher(acme, team="Elsewhere")
    asked = [across.pk, part.pk, other.pk]
    assert silenced_of_incidents(asked, NOW) == {across.pk: 1, part.pk: 1}
    make_matcher(globex, provider="salesforce")
    assert silenced_of_incidents(asked, NOW) == {across.pk: 2, part.pk: 1, other.pk: 1}


def test_each_question_is_one_statement(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    acme = make_organization()
    people = [make_hurt(acme) for _ in range(30)]
    make_matcher(acme)
    incident = make_incident(acme, people)
    with django_assert_num_queries(1):
        assert len(silenced([each.pk for each in people], NOW)) == 30
    with django_assert_num_queries(1):
        assert silenced_of_incidents([incident.pk], NOW) == {incident.pk: 30}
    with django_assert_num_queries(1):
        assert organizations_with_silences(NOW) == {acme.pk}
