from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from monitoring.alerts.models import Silence
from monitoring.alerts.muting import silenced
from monitoring.audit.models import AuditEntry
from monitoring.health.models import Health
from monitoring.incidents.models import PlannedMaintenance
from tests.factories import NOW
from tests.monitoring.console.conftest import Cast, client_of
from tests.monitoring.console.makers import make_healthy, make_many_healthy, set_health
from tests.monitoring.console.markup import markup, text

LIST, NEW, PREVIEW = "/o/acme/silences/", "/o/acme/silences/new/", "/o/acme/silences/preview"
HOUR = timedelta(hours=1)
PERCENT = " %"


def make_stalled(cast: Cast, **facts: Any) -> Any:
    person = make_healthy(cast.acme, **facts)
    set_health(
        person,
        status="stalled",
        cause="silent",
        unwell_since=NOW - HOUR,
        last_signature="salesforce 401 INVALID_SESSION_ID",
    )
    return person


def make_plan(cast: Cast, **fields: Any) -> PlannedMaintenance:
    return PlannedMaintenance.objects.create(
        **{
            "organization": cast.acme,
            "provider": "salesforce",
            "instance": "DEU1",
            "external_id": "7",
            "key": "salesforce 7 2026-11-21T12:00Z",
            "name": "Winter release",
            "starts_at": NOW + 24 * HOUR,
            "ends_at": NOW + 28 * HOUR,
        }
        | fields
    )


def test_before_anything_is_chosen_the_page_asks_whose_alerts(
    cast: Cast, admin_client: Client
) -> None:
    response = admin_client.get(NEW)
    page = text(response)
    assert "Say whose alerts" in page
    assert "Write why, for whoever asks later" not in page
    assert markup(response).violations == []


def test_links_of_other_pages_fill_it_in(cast: Cast, admin_client: Client) -> None:
    make_many_healthy(cast.acme, 9)
    ada = make_stalled(cast, name="Ada", team="Sales")
    response = admin_client.get(f"{NEW}?team=sales&cause=silent&provider=salesforce")
    page = text(response)
    assert f"This mutes 1 person (10{PERCENT}). 1 of them needs attention now." in page
    assert "“No run for too long” with Salesforce in team Sales" in page
    assert "No run for too long (1 person)" in page
    assert ada.name in page
    assert "/o/acme/people/?team=Sales&cause=silent&provider=salesforce" in markup(response).links


def test_a_reason_of_an_address_that_there_is_none_of_is_left_out(
    cast: Cast, admin_client: Client
) -> None:
    page = text(admin_client.get(f"{NEW}?cause=%3Cb%3Enone&provider=elsewhere&team=Nobody"))
    assert "<b>none" not in page
    assert "Nobody is in a team of that name." in page or "Choose among those listed." in page


def test_the_preview_counts_as_the_silence_then_mutes(cast: Cast, admin_client: Client) -> None:
    make_many_healthy(cast.acme, 8)
    fields = {"team": "Sales", "ends": "4"}
    preview = admin_client.post(PREVIEW, fields)
    assert f"This mutes 4 people (50{PERCENT})." in text(preview)
    assert "That is a large part of everybody." in text(preview)
    assert not Silence.objects.exists()
    sure = {"sure": "Sales||", "reason": "A fair"}
    response = admin_client.post(NEW, fields | sure, follow=True)
    assert response.redirect_chain == [(LIST, 302)]
    assert "The silence is in force until 17:00" in text(response)
    everybody = list(cast.acme.persons.values_list("pk", flat=True))
    assert len(silenced(everybody, NOW)) == 4
    silence = Silence.objects.get()
    assert (silence.team, silence.ends_at) == ("Sales", NOW + 4 * HOUR)
    assert AuditEntry.objects.get().action == "silence.define"


def test_a_large_part_of_everybody_is_muted_only_by_who_says_so(
    cast: Cast, admin_client: Client
) -> None:
    """W26: somebody silences far more than intended with one broad matcher."""
    make_many_healthy(cast.acme, 8)
    fields = {"everybody": "on", "reason": "Moving house", "ends": "1"}
    for sure in ("", "Sales||", "on"):
        response = admin_client.post(NEW, fields | {"sure": sure})
        assert "Tick that you mean it." in text(response)
        assert "This mutes 8 people (100" in text(response)
    assert not Silence.objects.exists()
    admin_client.post(NEW, fields | {"sure": "||"})
    assert Silence.objects.get().is_matcher


def test_a_provider_that_mutes_nobody_now_may_come_to_mute_everybody(
    cast: Cast, admin_client: Client
) -> None:
    """W26: on a good day a broad matcher looks harmless."""
    make_many_healthy(cast.acme, 8)
    fields = {"provider": "salesforce", "reason": "Work", "ends": "1"}
    page = text(admin_client.post(NEW, fields))
    assert "This mutes nobody now." in page
    assert f"If Salesforce fails for everybody, it mutes 8 people (100{PERCENT})." in page
    assert not Silence.objects.exists()
    admin_client.post(NEW, fields | {"sure": "||salesforce"})
    assert Silence.objects.get().provider == "salesforce"


def test_a_small_part_needs_no_tick(cast: Cast, admin_client: Client) -> None:
    make_many_healthy(cast.acme, 40)
    make_stalled(cast)
    admin_client.post(NEW, {"cause": "silent", "reason": "Known", "ends": "4"})
    silence = Silence.objects.get()
    assert (silence.cause, silence.ends_at) == ("silent", NOW + 4 * HOUR)


def test_a_reason_that_few_have_takes_a_tick_where_it_is_muted_for_longer_than_a_day(
    cast: Cast, admin_client: Client
) -> None:
    make_many_healthy(cast.acme, 40)
    make_stalled(cast)
    fields = {"cause": "silent", "reason": "Known", "ends": "168"}
    up_to = f"up to 41 people (100{PERCENT})"
    page = text(admin_client.post(NEW, fields))
    assert f"This mutes 1 person (2{PERCENT})." in page
    assert f"Whoever comes to have this reason is muted as well, {up_to}." in page
    assert "That may become a large part of everybody." in page
    assert f"Yes, I mean to mute {up_to}." in page
    assert "Tick that you mean it." in page
    assert not Silence.objects.exists()
    for ends in ({"ends": "4"}, {"ends": "at", "until": "2026-11-21T13:00"}):
        brief = text(admin_client.post(PREVIEW, fields | ends))
        assert f"is muted as well, {up_to}." in brief
        assert "I mean to mute" not in brief, "for a day at most"
    longer = {"ends": "at", "until": "2026-11-21T13:01"}
    assert "I mean to mute" in text(admin_client.post(PREVIEW, fields | longer))
    admin_client.post(NEW, fields | {"sure": "|silent|"})
    silence = Silence.objects.get()
    assert (silence.cause, silence.ends_at) == ("silent", NOW + 7 * 24 * HOUR)


def test_a_reason_of_a_small_team_takes_none(cast: Cast, admin_client: Client) -> None:
    make_many_healthy(cast.acme, 40)
    make_stalled(cast, team="Fair")
    make_healthy(cast.acme, team="Fair")
    fields = {"team": "Fair", "cause": "silent", "reason": "Known", "ends": "168"}
    page = text(admin_client.post(PREVIEW, fields))
    assert f"is muted as well, up to 2 people (5{PERCENT})." in page
    admin_client.post(NEW, fields)
    assert Silence.objects.get().team == "Fair"


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({}, "Say whose alerts"),
        ({"everybody": "on", "team": "Sales"}, "Everybody is more than what is chosen"),
        ({"team": "Nobody's"}, "Nobody is in a team of that name."),
        ({"provider": "elsewhere"}, "Choose among those listed."),
        ({"cause": "elsewhere"}, "Choose among those listed."),
        ({"cause": "silent", "reason": ""}, "Write why, for whoever asks later."),
        ({"cause": "silent", "ends": "at"}, "Say until when."),
        ({"cause": "silent", "ends": "at", "until": "soon"}, "Write a day and a time"),
        ({"cause": "silent", "ends": "4", "until": "2026-11-21T09:00"}, "Until a time I choose"),
        ({"cause": "silent", "starts": "soon"}, "Write a day and a time"),
        ({"cause": "silent", "ends": "elsewhere"}, "Choose among those listed."),
        (
            {"cause": "silent", "ends": "at", "until": "2026-11-19T09:00"},
            "The end must be in the future.",
        ),
        (
            {"cause": "silent", "ends": "at", "until": "2027-01-19T09:00"},
            "A silence lasts 30 days at most",
        ),
    ],
)
def test_what_makes_no_silence_is_said_and_nothing_is_lost(
    cast: Cast, admin_client: Client, fields: dict[str, str], sentence: str
) -> None:
    make_many_healthy(cast.acme, 40)
    make_stalled(cast)
    response = admin_client.post(NEW, {"reason": "Known for long", "ends": "4"} | fields)
    assert sentence in text(response)
    assert fields.get("reason", "Known for long") in response.content.decode()
    assert not Silence.objects.exists()


def test_a_window_begins_and_ends_in_the_members_time_across_a_change_of_clocks(
    cast: Cast, admin_client: Client
) -> None:
    """The night the clocks go back in Berlin: from the first 02:30 until the second."""
    make_many_healthy(cast.acme, 40)
    make_stalled(cast)
    fields = {"cause": "silent", "reason": "Work", "ends": "at"}
    times = {"starts": "2026-10-25T02:30", "until": "2026-10-25T02:30"}
    with time_machine.travel(datetime(2026, 10, 24, 12, tzinfo=UTC), tick=False):
        client = client_of(cast.admin)
        client.post(NEW, fields | times)
    silence = Silence.objects.get()
    assert silence.started_at == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert silence.ends_at == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)


def test_planned_maintenance_fills_the_form_and_is_offered_once(
    cast: Cast, admin_client: Client
) -> None:
    make_many_healthy(cast.acme, 4)
    plan = make_plan(cast)
    offer = "Salesforce plans maintenance on DEU1: Sat 13:00\N{EN DASH}17:00."
    listed = admin_client.get(LIST)
    assert offer in text(listed)
    assert f"{NEW}?maintenance={plan.pk}" in markup(listed).links
    form = admin_client.get(f"{NEW}?maintenance={plan.pk}").context["form"]
    assert (form["provider"].value(), form.ends_value) == ("salesforce", f"plan-{plan.pk}")
    assert form["reason"].value() == "Planned maintenance of Salesforce: Winter release."
    fields = {"provider": "salesforce", "ends": f"plan-{plan.pk}", "reason": "Winter release"}
    response = admin_client.post(NEW, fields | {"sure": "||salesforce"}, follow=True)
    page = text(response)
    assert "The silence begins by itself: Sat 13:00\N{EN DASH}17:00." in page
    assert "Nobody is silenced now" in page
    assert "planned maintenance" in page
    assert offer not in page
    silence = Silence.objects.get()
    assert (silence.started_at, silence.ends_at) == (plan.starts_at, plan.ends_at)
    assert silence.announcement == plan.key
    admin_client.post(f"{LIST}{silence.pk}/end")
    assert offer not in text(admin_client.get(LIST))


def test_a_beginning_beside_that_of_a_maintenance_is_refused(
    cast: Cast, admin_client: Client
) -> None:
    plan = make_plan(cast)
    fields = {"provider": "salesforce", "ends": f"plan-{plan.pk}", "reason": "x"}
    page = text(admin_client.post(NEW, fields | {"starts": "2026-11-21T09:00"}))
    assert "It begins with the maintenance." in page


def test_of_one_under_way_the_rest_is_muted(cast: Cast, admin_client: Client) -> None:
    plan = make_plan(cast, starts_at=NOW - HOUR, ends_at=NOW + HOUR)
    fields = {"provider": "salesforce", "ends": f"plan-{plan.pk}", "reason": "x"}
    admin_client.post(NEW, fields)
    assert Silence.objects.get().started_at == NOW


@pytest.mark.parametrize("size", [4, 120])
def test_the_form_and_its_preview_take_few_statements_at_any_size(
    cast: Cast,
    admin_client: Client,
    django_assert_max_num_queries: DjangoAssertNumQueries,
    size: int,
) -> None:
    make_many_healthy(cast.acme, size)
    Health.objects.filter(person__team="Sales").update(cause="silent")
    fields = {"team": "Sales", "cause": "silent", "provider": "salesforce", "ends": "4"}
    with django_assert_max_num_queries(14):
        admin_client.get(f"{NEW}?team=Sales&provider=salesforce")
    with django_assert_max_num_queries(12):
        admin_client.post(PREVIEW, fields)


def test_a_viewer_may_neither_see_the_form_nor_use_it(cast: Cast) -> None:
    client, plan = client_of(cast.viewer), make_plan(cast)
    assert client.get(NEW).status_code == 403
    assert client.post(NEW, {"everybody": "on", "reason": "x", "sure": "||"}).status_code == 403
    assert client.post(PREVIEW, {}).status_code == 403
    page = client.get(LIST)
    assert NEW not in markup(page).links
    assert "Salesforce plans maintenance" in text(page)
    assert client.post(f"{LIST}planned/{plan.pk}/dismiss").status_code == 403
    assert not Silence.objects.exists()


def test_a_stranger_finds_nothing_and_wrong_methods_are_refused(cast: Cast, client: Client) -> None:
    admin, stranger = client_of(cast.admin), client_of(cast.stranger)
    plan = make_plan(cast)
    for address in (NEW, PREVIEW, f"{LIST}planned/{plan.pk}/dismiss"):
        assert stranger.post(address, {}).status_code == 404
        assert client.post(address, {}).status_code == 302
    assert stranger.get(NEW).status_code == 404
    assert admin.get(PREVIEW).status_code == 405
    assert admin.get(f"{LIST}planned/{plan.pk}/dismiss").status_code == 405
    assert admin.delete(NEW).status_code == 405


def test_of_several_spellings_of_a_team_one_is_asked_for(cast: Cast, admin_client: Client) -> None:
    for team in ("Sales", "sales"):
        make_stalled(cast, team=team)
    fields = {"team": "SALES", "reason": "Known", "ends": "4"}
    page = text(admin_client.post(NEW, fields))
    assert "Several teams are of that name. Write one of them: Sales or sales." in page
    assert not Silence.objects.exists()
    admin_client.post(NEW, fields | {"team": "sales", "everybody": "on"})
    admin_client.post(NEW, fields | {"team": "sales", "sure": "sales||"})
    assert Silence.objects.get().team == "sales"


def test_another_organizations_people_plans_and_teams_count_for_nothing(
    cast: Cast, admin_client: Client
) -> None:
    make_many_healthy(cast.globex, 8)
    make_many_healthy(cast.acme, 4)
    plan = make_plan(cast, organization=cast.globex)
    assert "plans maintenance" not in text(admin_client.get(LIST))
    page = text(admin_client.get(f"{NEW}?maintenance={plan.pk}&provider=salesforce"))
    assert "Winter release" not in page
    assert "it mutes 4 people" in page
    assert admin_client.post(f"{LIST}planned/{plan.pk}/dismiss").status_code == 404


def test_a_maintenance_that_needs_no_silence_is_offered_no_more(
    cast: Cast, admin_client: Client
) -> None:
    plan = make_plan(cast)
    address = f"{LIST}planned/{plan.pk}/dismiss"
    response = admin_client.post(address, follow=True)
    assert "Alerts go out during this maintenance as ever." in text(response)
    assert "plans maintenance" not in text(response)
    assert "no longer offered" in text(admin_client.post(address, follow=True))
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.detail) == ("maintenance.dismiss", {"maintenance": plan.key})
