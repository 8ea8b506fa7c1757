from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import DjangoAssertNumQueries
from time_machine import travel

from accounts.models import Organization
from monitoring.alerts.digest_facts import most_needed
from monitoring.alerts.digest_silenced import silenced_in_need
from monitoring.alerts.digest_words import silenced_said
from tests.factories import NOW, make_member, make_organization, make_user
from tests.monitoring.alerts.digest_makers import alert_of, delivered, reader, sampled, text_of
from tests.monitoring.alerts.makers import make_matcher, make_silence
from tests.monitoring.alerts.post import Post
from tests.monitoring.console.makers import make_many_healthy, make_unwell

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("now")]


@pytest.fixture
def now() -> Iterator[None]:
    with travel(NOW, tick=False):
        yield


@pytest.fixture
def acme() -> Organization:
    """Three need somebody for two causes; the only one of the second is silenced."""
    organization = make_organization(slug="acme", name="Acme")
    make_many_healthy(organization, 9)
    for _ in range(2):
        make_unwell(organization, "stalled", "silent")
    muted = make_unwell(organization, "stalled", "lost")
    make_silence(organization, [muted, make_unwell(organization, "degraded", "overdue")])
    sampled(organization, 9, 3)
    return organization


def test_who_is_silenced_is_counted_apart(post: Post, acme: Organization) -> None:
    reader(acme)
    mail = delivered(post)
    assert mail["Subject"].endswith("2 people need you, 1 more is silenced")
    assert "* 2 people: No run for too long" in text_of(mail)
    assert "cause=lost" not in text_of(mail)


def test_the_numbers_are_those_of_the_overview(post: Post, acme: Organization) -> None:
    alert_of(acme, people=2)
    alert_of(acme, cause="lost", people=1, silenced=1)
    alert_of(acme, cause="overdue", people=5, acknowledged_at=NOW)
    reader(acme)
    said = text_of(delivered(post))
    client = Client()
    client.force_login(make_member(acme).user)
    page = client.get("/o/acme/")
    needs = {need.cause: need.people for need in page.context["needs"]}
    assert needs == {"silent": 2, "lost": 1}
    assert "2 people need you, 1 more is silenced" in said
    waiting = [need.alert.id for need in page.context["needs"] if need.alert.is_waiting]
    (told,) = waiting
    assert f"/o/acme/alerts/{told}/" in said
    assert said.count("/o/acme/alerts/") == 1


def test_where_all_are_silenced_nothing_needs_anybody(post: Post, acme: Organization) -> None:
    make_matcher(acme)
    alert_of(acme, people=3, silenced=3)
    reader(acme)
    mail = delivered(post)
    assert mail["Subject"].endswith("nothing needs you, 3 people silenced")
    assert "Alerts nobody has acknowledged" not in text_of(mail)


def test_an_alert_tells_of_those_who_are_not_silenced(post: Post, acme: Organization) -> None:
    alert_of(acme, people=5, silenced=2)
    reader(acme)
    assert "3 people, since 2026-11-20 11:00 (UTC)" in text_of(delivered(post))


def test_support_hears_of_no_trouble_that_is_silenced(post: Post, acme: Organization) -> None:
    calm = make_organization(slug="calm", name="Calm")
    make_unwell(calm, "stalled", "silent")
    make_matcher(calm)
    for organization in (acme, calm):
        alert_of(organization, people=1, silenced=1)
    alert_of(acme, cause="lost", people=2)
    reader(None, user=make_user(is_staff=True))
    mail = delivered(post)
    assert mail["Subject"].endswith("1 organization in trouble")
    assert "Calm" not in text_of(mail)
    said = "2 people need somebody, 1 more is silenced, 1 alert not acknowledged"
    assert said in text_of(mail)


def test_without_a_silence_in_force_nobody_is_looked_at(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    organization = make_organization()
    make_unwell(organization, "stalled", "silent")
    make_matcher(organization, ended_at=NOW)
    with django_assert_num_queries(1):
        assert silenced_in_need(NOW) == {}


def test_only_organizations_that_are_asked_of_are_looked_at(acme: Organization) -> None:
    other = make_organization()
    make_unwell(other, "stalled", "silent")
    make_matcher(other)
    assert silenced_in_need(NOW, [acme.pk]) == {acme.pk: Counter(lost=1)}
    assert silenced_in_need(NOW) == {acme.pk: Counter(lost=1), other.pk: Counter(silent=1)}


counts = st.dictionaries(st.sampled_from("abcd"), st.integers(0, 9))


@given(counts, counts)
def test_nobody_is_counted_twice_nor_less_than_none(
    stalled: dict[str, int], silenced: dict[str, int]
) -> None:
    groups = Counter({("stalled", cause): people for cause, people in stalled.items()})
    groups["degraded", "a"] = 7
    needed = dict(most_needed(groups, silenced))
    for cause, people in stalled.items():
        assert needed.get(cause, 0) == max(0, people - silenced.get(cause, 0))
    assert all(needed.values())


def test_how_many_are_silenced_is_said_beside_the_others() -> None:
    assert silenced_said(0, 4) == []
    assert silenced_said(1, 4) == ["1 more is silenced"]
    assert silenced_said(2, 4) == ["2 more are silenced"]
    assert silenced_said(1, 0) == ["1 person silenced"]
