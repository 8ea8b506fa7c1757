from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from monitoring.alerts.models import Silence
from monitoring.alerts.silences import silence_end, silence_lift
from monitoring.audit.models import AuditEntry
from tests.factories import NOW
from tests.monitoring.alerts.makers import make_matcher, make_silence
from tests.monitoring.console.conftest import Cast, client_of
from tests.monitoring.console.makers import make_healthy, make_many_healthy
from tests.monitoring.console.markup import markup, text
from tests.monitoring.errors.makers import make_access

ADDRESS = "/o/acme/silences/"
HOUR = timedelta(hours=1)


def test_each_is_told_with_how_many_it_mutes_and_until_when(
    cast: Cast, admin_client: Client
) -> None:
    make_many_healthy(cast.acme, 198)
    ada, ben = make_healthy(cast.acme, name="Ada"), make_healthy(cast.acme)
    make_silence(cast.acme, [ada, ben], author_name="Casey Admin", reason="At the fair")
    silence_lift(silence_id=Silence.objects.get().pk, people=[ben.pk], now=NOW)
    many = cast.acme.persons.filter(name__regex=r"^Person 0\d\d$").order_by("name")
    make_silence(cast.acme, list(many[:60]), reason="Maintenance", ends_at=NOW + 3 * HOUR)
    page = text(admin_client.get(ADDRESS))
    for words in (
        "2 silences are in force",
        "At the fair Casey Admin 1 person (under 1 %) Ada just now",
        "Maintenance",
        "60 people (30 %) Person 000, Person 001, Person 002 and 57 more a large part of everybody",
        "in 3 h",
        "End now the silence “At the fair”",
    ):
        assert words in page, words


def test_past_ones_are_told_with_who_ended_them(cast: Cast, admin_client: Client) -> None:
    ada = make_healthy(cast.acme)
    make_silence(cast.acme, [ada], now=NOW - 3 * HOUR, ends_at=NOW - HOUR, reason="Ran out")
    ended = make_silence(cast.acme, [ada], now=NOW - 2 * HOUR, reason="Was ended")
    access = make_access(cast.acme, email="casey@acme.example")
    silence_end(access=access, silence=ended, now=NOW - HOUR)
    page = text(admin_client.get(ADDRESS))
    for words in ("Nobody is silenced", "Every alert goes out", "Ran out", "by casey@acme.example"):
        assert words in page, words
    assert page.index("Was ended") < page.index("Ran out")


def test_without_any_the_page_says_how_to_place_one(cast: Cast, admin_client: Client) -> None:
    response = admin_client.get(ADDRESS)
    assert "choose them on the People page" in text(response)
    assert "over" not in markup(response).ids
    assert "/o/acme/people/" in markup(response).links


def test_many_past_ones_are_paged_and_htmx_is_given_their_list_only(
    cast: Cast, admin_client: Client
) -> None:
    for _ in range(27):
        make_silence(cast.acme, [], now=NOW - 3 * HOUR, ends_at=NOW - HOUR)
    assert len(admin_client.get(ADDRESS).context["rows"]) == 25
    second = admin_client.get(f"{ADDRESS}?page=2", headers={"HX-Request": "true"})
    assert markup(second).ids[0] == "silences"
    assert len(second.context["rows"]) == 2


@pytest.mark.parametrize("number", [1, 12])
def test_the_page_takes_at_most_ten_statements_at_any_size(
    cast: Cast,
    admin_client: Client,
    django_assert_max_num_queries: DjangoAssertNumQueries,
    number: int,
) -> None:
    ada = make_healthy(cast.acme)
    for _ in range(number):
        make_silence(cast.acme, [ada])
        make_silence(cast.acme, [ada], now=NOW - 3 * HOUR, ends_at=NOW - HOUR)
    with django_assert_max_num_queries(10):
        admin_client.get(ADDRESS)


def test_one_is_ended_and_a_second_click_ends_nothing(cast: Cast, admin_client: Client) -> None:
    silence = make_silence(cast.acme, [make_healthy(cast.acme)])
    address = f"{ADDRESS}{silence.pk}/end"
    response = admin_client.post(address, follow=True)
    assert response.redirect_chain == [(ADDRESS, 302)]
    assert "The silence is over." in text(response)
    assert Silence.objects.get().ended_at == NOW
    assert AuditEntry.objects.get().action == "silence.end"
    assert "was over already" in text(admin_client.post(address, follow=True))
    assert AuditEntry.objects.count() == 1


def test_a_viewer_may_look_and_not_end_one(cast: Cast) -> None:
    silence, client = make_silence(cast.acme, []), client_of(cast.viewer)
    assert "End now" not in text(client.get(ADDRESS))
    assert client.post(f"{ADDRESS}{silence.pk}/end").status_code == 403
    assert Silence.objects.get().ended_at is None


def test_a_stranger_finds_nothing_and_wrong_methods_are_refused(cast: Cast, client: Client) -> None:
    silence = make_silence(cast.acme, [])
    elsewhere = make_silence(cast.globex, [], reason="Elsewhere")
    admin, stranger = client_of(cast.admin), client_of(cast.stranger)
    end = f"{ADDRESS}{silence.pk}/end"
    assert stranger.get(ADDRESS).status_code == 404
    assert client.get(ADDRESS).status_code == 302
    assert stranger.post(end).status_code == 404
    assert admin.post(ADDRESS).status_code == 405
    assert admin.get(end).status_code == 405
    assert admin.post(f"{ADDRESS}{elsewhere.pk}/end").status_code == 404
    assert "Elsewhere" not in text(admin.get(ADDRESS))
    assert not Silence.objects.exclude(ended_at=None).exists()


def test_one_that_may_spread_is_told_with_how_many_it_may_come_to(
    cast: Cast, admin_client: Client
) -> None:
    make_many_healthy(cast.acme, 8)
    make_matcher(cast.acme, cause="silent", reason="Known")
    assert "0 people of the silence “Known” up to 8 people (100 %) if it spreads" in text(
        admin_client.get(ADDRESS)
    )
    Silence.objects.update(provider="salesforce", cause="")
    assert "up to 8 people (100 %) if it spreads" in text(admin_client.get(ADDRESS))
    Silence.objects.update(provider="", team="Sales")
    assert "if it spreads" not in text(admin_client.get(ADDRESS))


def test_matchers_are_told_in_words_with_a_link_to_who_matches(
    cast: Cast, admin_client: Client
) -> None:
    make_many_healthy(cast.acme, 8)
    make_matcher(cast.acme, team="Sales", reason="A fair")
    make_matcher(cast.acme, cause="silent", provider="google", reason="Known")
    make_matcher(cast.acme, started_at=NOW + 3 * HOUR, ends_at=NOW + 5 * HOUR, reason="Moving")
    over = {"started_at": NOW - 5 * HOUR, "ends_at": NOW - HOUR}
    make_matcher(cast.acme, cause="silent", reason="Was", **over)
    response = admin_client.get(ADDRESS)
    page, links = text(response), markup(response).links
    assert "2 silences are in force" in page
    assert "Team Sales 4 people (50 %)" in page
    assert "a large part of everybody" in page
    assert "“No run for too long” with Google 0 people" in page
    assert "To come" in page
    assert "Everybody 8 people (100 %)" in page
    assert "16:00\N{EN DASH}18:00" in page
    assert "/o/acme/people/?team=Sales" in links
    assert "/o/acme/people/?cause=silent&provider=google" in links
    assert page.index("Over") < page.index("Was")


def test_the_end_of_one_is_moved_in_the_members_time(cast: Cast, admin_client: Client) -> None:
    silence = make_matcher(cast.acme, ends_at=NOW + HOUR)
    address = f"{ADDRESS}{silence.pk}/change"
    page = text(admin_client.post(address, {"until": "2026-11-22T09:00"}, follow=True))
    assert "The silence ends Sun 09:00." in page
    assert Silence.objects.get().ends_at == datetime(2026, 11, 22, 8, tzinfo=UTC)
    assert AuditEntry.objects.get().action == "silence.change"
    for until, sentence in (
        ("", "That is no time."),
        ("soon", "That is no time."),
        ("2026-11-20T09:00", "The end must be in the future."),
        ("2027-02-20T09:00", "A silence lasts 30 days at most"),
    ):
        assert sentence in text(admin_client.post(address, {"until": until}, follow=True))
    silence_end(access=make_access(cast.acme), silence=silence, now=NOW)
    page = text(admin_client.post(address, {"until": "2026-11-23T09:00"}, follow=True))
    assert "was over already" in page
    assert Silence.objects.get().ends_at == datetime(2026, 11, 22, 8, tzinfo=UTC)


def test_a_later_end_takes_the_tick_that_so_long_a_silence_takes_when_it_is_placed(
    cast: Cast, admin_client: Client
) -> None:
    make_many_healthy(cast.acme, 40)
    silence = make_matcher(cast.acme, cause="silent", ends_at=NOW + 20 * HOUR)
    address = f"{ADDRESS}{silence.pk}/change"
    page = text(admin_client.get(ADDRESS))
    assert "A later end may mute a large part of everybody." in page
    assert "Yes, I mean to mute up to 40 people (100 %)." in page
    longer = {"until": "2026-12-18T09:00"}
    for sure in ({}, {"sure": ""}):
        response = admin_client.post(address, longer | sure, follow=True)
        assert "Tick that you mean it." in text(response)
        assert Silence.objects.get().ends_at == silence.ends_at
    assert not AuditEntry.objects.exists()
    admin_client.post(address, longer | {"sure": "on"})
    assert Silence.objects.get().ends_at == datetime(2026, 12, 18, 8, tzinfo=UTC)
    admin_client.post(address, {"until": "2026-11-30T09:00"})
    assert Silence.objects.get().ends_at == datetime(2026, 11, 30, 8, tzinfo=UTC), "it is sooner"


def test_an_end_within_a_day_of_the_beginning_takes_no_tick_and_a_later_one_does(
    cast: Cast, admin_client: Client
) -> None:
    make_many_healthy(cast.acme, 40)
    times = {"started_at": NOW - 20 * HOUR, "ends_at": NOW + HOUR}
    silence = make_matcher(cast.acme, cause="silent", **times)
    address = f"{ADDRESS}{silence.pk}/change"
    for until, end in (("2026-11-20T17:00", 16), ("2026-11-21T09:00", 16)):
        admin_client.post(address, {"until": until})
        assert Silence.objects.get().ends_at == datetime(2026, 11, 20, end, tzinfo=UTC)


def test_a_later_end_of_a_small_team_takes_no_tick(cast: Cast, admin_client: Client) -> None:
    make_many_healthy(cast.acme, 40)
    silence = make_matcher(cast.acme, team="Nobody", ends_at=NOW + HOUR)
    assert "A later end" not in text(admin_client.get(ADDRESS))
    admin_client.post(f"{ADDRESS}{silence.pk}/change", {"until": "2026-12-18T09:00"})
    assert Silence.objects.get().ends_at == datetime(2026, 12, 18, 8, tzinfo=UTC)


def test_one_to_come_is_called_off_before_it_begins(cast: Cast, admin_client: Client) -> None:
    times = {"started_at": NOW + HOUR, "ends_at": NOW + 2 * HOUR}
    silence = make_matcher(cast.acme, reason="Moving", **times)
    page = text(admin_client.post(f"{ADDRESS}{silence.pk}/end", follow=True))
    assert "The silence is called off." in page
    assert "called off before it began, by admin@acme.example" in page
    assert "To come" not in page


def test_the_end_of_one_is_moved_by_nobody_else(cast: Cast, client: Client) -> None:
    silence = make_matcher(cast.acme)
    address, until = f"{ADDRESS}{silence.pk}/change", {"until": "2026-11-22T09:00"}
    assert client_of(cast.viewer).post(address, until).status_code == 403
    assert client_of(cast.stranger).post(address, until).status_code == 404
    assert client.post(address, until).status_code == 302
    assert client_of(cast.admin).get(address).status_code == 405
    elsewhere = f"/o/globex/silences/{silence.pk}/change"
    assert client_of(cast.staff).post(elsewhere, until).status_code == 404
    assert Silence.objects.get().ends_at == silence.ends_at
