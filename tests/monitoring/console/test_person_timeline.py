from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import DjangoAssertNumQueries

from accounts.models import Person
from monitoring.actions.models import ActionPerson, ActionState, Kind, PersonState
from monitoring.alerts.models import MessageState
from monitoring.console.person_timeline import ALL, ENTRIES, Place, place_read
from monitoring.errors.facts import RawError
from monitoring.errors.interpretation import built_in_rules, interpret
from monitoring.errors.rejudging import Rejudged, rejudgements_append
from monitoring.health.models import Hold, Transition
from tests.factories import NOW
from tests.monitoring.console.alert_makers import CAUSE, make_alert, make_over
from tests.monitoring.console.conftest import Cast, client_of
from tests.monitoring.console.makers import (
    HOUR,
    REVOKED,
    make_healthy,
    make_held,
    make_outcome,
    transition,
)
from tests.monitoring.console.markup import markup, text
from tests.monitoring.console.person_makers import (
    make_act,
    make_hold,
    make_invitation,
    make_message,
    make_note,
    make_silence,
    make_sync_entry,
)

HTMX = {"HX-Request": "true", "HX-Target": "timeline"}
MINUTE = timedelta(minutes=1)
OLD, FAR = (NOW.replace(tzinfo=None, year=year) for year in (1971, 2971))


def address(person: Person) -> str:
    return f"/o/acme/people/{person.pk}/"


def listed(client: Client, person: Person, query: str = "") -> list[str]:
    response = client.get(f"{address(person)}{query}")
    assert response.status_code == 200
    return [entry.sentence for entry in response.context["timeline"]]


def make_story(cast: Cast) -> Person:
    """Somebody with one entry of each kind, a minute after each other; the last is the run."""
    person = make_healthy(cast.acme)
    make_note(person, cast.admin, NOW - 9 * MINUTE, due_on=date(2026, 11, 30))
    make_message(person, NOW - 8 * MINUTE)
    make_hold(person, cast.admin, NOW - 7 * MINUTE, ends_at=NOW + 24 * HOUR)
    Hold.objects.update(released_at=NOW - 6 * MINUTE, released_by=cast.admin)
    chosen = {"interval": 14_400}
    make_act(person, cast.admin, Kind.INTERVAL, NOW - 5 * MINUTE, reason="Pilot", chosen=chosen)
    make_sync_entry(person, cast.admin, NOW - 4 * MINUTE)
    Transition.objects.bulk_create([transition(person, NOW - 3 * MINUTE, to_interval=14_400)])
    make_outcome(person, NOW - 2 * MINUTE, counts={"google": {"created": 1}})
    return person


def test_the_alerts_a_person_was_part_of_are_told(cast: Cast, admin_client: Client) -> None:
    person, other = make_healthy(cast.acme), make_healthy(cast.acme)
    now_on = make_alert(cast.acme, began_at=NOW - 3 * HOUR, people=2)
    past = {"began_at": NOW - 40 * HOUR, "ended_at": NOW - 38 * HOUR}
    make_over(cast.acme, **past)
    make_alert(cast.acme, cause="silent", kind="stalled", people=1)
    make_over(cast.acme, began_at=NOW - 90 * HOUR, ended_at=NOW - 80 * HOUR)
    stalled = {"to_status": "stalled", "to_cause": CAUSE}
    Transition.objects.bulk_create(
        [transition(person, NOW - hours * HOUR, **stalled) for hours in (2, 39)]
    )
    assert listed(admin_client, person, "?show=messages") == [
        "Alert: 2 people must give access again: Google access was revoked",
        "Alert: 4 people had to give access again: Google access was revoked",
    ]
    response = admin_client.get(f"{address(person)}?show=messages")
    assert "Over after 2 h. Open the alert" in text(response)
    assert f"/o/acme/alerts/{now_on.pk}/" in markup(response).links
    assert listed(admin_client, other, "?show=messages") == []


def test_everything_is_told_newest_first(cast: Cast, admin_client: Client) -> None:
    person = make_story(cast)
    assert listed(admin_client, person) == [
        "Synced",
        "Runs every 4 h instead of 2 h",
        "admin@acme.example asked for a sync now",
        "admin@acme.example changed how often syncing runs",
        "admin@acme.example released the hold by admin@acme.example",
        "admin@acme.example switched syncing off until Sat 13:00",
        f"Mail to {person.email}: Connect Google again",
        "Called her.",
    ]
    page = text(admin_client.get(address(person)))
    for words in (
        "Pilot · Interval every 4 h",
        "Connect Google again Sent.",
        "due 30 Nov 2026",
        "On leave",
    ):
        assert words in page, words


@pytest.mark.parametrize(
    ("show", "number"), [("runs", 1), ("changes", 1), ("actions", 4), ("messages", 1), ("notes", 1)]
)
def test_it_is_narrowed_to_a_kind(cast: Cast, admin_client: Client, show: str, number: int) -> None:
    person = make_story(cast)
    assert len(listed(admin_client, person, f"?show={show}")) == number
    page = admin_client.get(f"{address(person)}?show={show}").content.decode()
    assert f'?show={show}#timeline" aria-current="true"' in page


def test_a_kind_of_which_there_is_none_says_so(cast: Cast, admin_client: Client) -> None:
    person = make_healthy(cast.acme)
    assert "No mail about this person" in text(admin_client.get(f"{address(person)}?show=messages"))


@pytest.mark.parametrize("query", ["?show=secrets", "?before=x", "?before=1.99.x", "?before="])
def test_a_spoilt_address_shows_the_beginning(cast: Cast, admin_client: Client, query: str) -> None:
    assert len(listed(admin_client, make_story(cast), query)) == 8


def test_what_made_a_hold_or_a_note_is_not_told_twice(cast: Cast, admin_client: Client) -> None:
    person = make_healthy(cast.acme)
    for kind in (Kind.HOLD, Kind.RELEASE, Kind.NOTE):
        make_act(person, cast.admin, kind)
    for action in ("person.hold", "person.release", "person.note"):
        make_sync_entry(person, cast.admin, action=action)
    make_sync_entry(person, cast.admin, action="person.interval", detail={"action": 1})
    assert listed(admin_client, person) == []


def test_holds_and_releases_say_who_why_and_by_which_action(
    cast: Cast, admin_client: Client
) -> None:
    type(cast.admin).objects.filter(pk=cast.admin.pk).update(first_name="Casey", last_name="Admin")
    person = make_healthy(cast.acme)
    first = make_hold(person, cast.admin, NOW - 9 * MINUTE, released_at=NOW - 5 * MINUTE)
    second = make_hold(
        person, cast.admin, NOW - 8 * MINUTE, released_at=NOW, released_by=cast.admin
    )
    held = make_act(person, cast.admin, Kind.HOLD, former={"hold": second.pk})
    freed = make_act(
        person, cast.admin, Kind.RELEASE, reason="Back", former={"holds": [second.pk, 0]}
    )
    make_sync_entry(person, cast.admin, NOW - 20 * MINUTE)
    response = admin_client.get(f"{address(person)}?show=actions")
    entries = response.context["timeline"]
    assert [(entry.sentence, entry.more, entry.action) for entry in entries] == [
        ("Casey Admin released the hold by admin@acme.example", "Back", freed.action_id),
        ("The hold by admin@acme.example ended", "", None),
        ("admin@acme.example switched syncing off", "On leave", held.action_id),
        ("admin@acme.example switched syncing off", "On leave", None),
        ("Casey Admin asked for a sync now", "", None),
    ]
    assert first.pk != second.pk


def test_a_sync_that_was_asked_for_stands_below_its_run(cast: Cast, admin_client: Client) -> None:
    person = make_healthy(cast.acme)
    make_act(person, cast.admin, Kind.SYNC, NOW - 3 * MINUTE)
    ActionPerson.objects.update(at=NOW)
    make_outcome(person, NOW - MINUTE, counts={"google": {"created": 1}})
    assert listed(admin_client, person) == ["Synced", "admin@acme.example asked for a sync"]


def test_what_is_not_over_is_not_told_as_done(cast: Cast, admin_client: Client) -> None:
    person = make_healthy(cast.acme)
    make_act(person, cast.admin, Kind.REAUTHORIZE, state=PersonState.WAITING)
    assert listed(admin_client, person) == ["admin@acme.example asked to re-authorize"]


def test_an_action_that_did_not_work_out_says_how(cast: Cast, admin_client: Client) -> None:
    person = make_healthy(cast.acme)
    make_act(person, cast.admin, Kind.HOLD, state=PersonState.FAILED, code="broken")
    make_act(person, cast.admin, Kind.SYNC, NOW - HOUR, state=PersonState.LEFT_OUT)
    make_act(person, cast.admin, Kind.SYNC, action_state=ActionState.PREVIEW)
    assert listed(admin_client, person) == ["admin@acme.example switched syncing off (failed)"]
    page = admin_client.get(address(person))
    assert "Something went wrong on our side" in text(page)
    action = person.actions.get(state=PersonState.FAILED).action_id
    assert f"/o/acme/actions/{action}/" in markup(page).links


def test_a_mail_that_was_given_up_tells_the_servers_answer(
    cast: Cast, admin_client: Client
) -> None:
    person = make_healthy(cast.acme)
    message = make_message(person, state=MessageState.FAILED, answer="550 no such mailbox")
    page = admin_client.get(address(person))
    assert "Given up. 550 no such mailbox" in text(page)
    assert f"/o/acme/outbox/{message.pk}/" in markup(page).links


def test_good_runs_in_a_row_that_changed_nothing_are_one_line(
    cast: Cast, admin_client: Client
) -> None:
    person = make_healthy(cast.acme)
    for hours in (1, 2, 3, 5, 6):
        make_outcome(person, NOW - hours * HOUR)
    make_outcome(person, NOW - 4 * HOUR, counts={"google": {"created": 1}})
    assert listed(admin_client, person) == [
        "3 runs got through; nothing had changed",
        "Synced",
        "2 runs got through; nothing had changed",
    ]
    assert len(listed(admin_client, person, "?show=runs")) == 6


@pytest.mark.parametrize("show", ["", "runs"])
def test_pages_hold_each_entry_once_also_of_one_moment(
    cast: Cast, admin_client: Client, show: str
) -> None:
    person = make_healthy(cast.acme)
    moments = [NOW - (number // 7) * MINUTE for number in range(2 * ENTRIES + 5)]
    for number, moment in enumerate(moments):
        make_outcome(person, moment, counts={"google": {"created": number + 1}})
    Transition.objects.bulk_create([transition(person, moment) for moment in moments[:10]])
    seen: list[str] = []
    query = f"show={show}"
    while query:
        response = admin_client.get(f"{address(person)}?{query}")
        seen += [e.attempt.deeds for e in response.context["timeline"] if e.attempt]
        query = response.context["older"]
        assert len(seen) <= len(moments)
    assert len(set(seen)) == len(seen) == len(moments)


def test_a_later_page_leads_back_to_the_newest(cast: Cast, admin_client: Client) -> None:
    person = make_healthy(cast.acme)
    for number in range(ENTRIES + 1):
        make_outcome(person, NOW - number * MINUTE)
    first = admin_client.get(f"{address(person)}?show=runs")
    second = admin_client.get(f"{address(person)}?{first.context['older']}")
    assert (first.context["newest"], second.context["newest"]) == (None, "show=runs")
    assert (len(second.context["timeline"]), second.context["older"]) == (1, "")


def test_htmx_is_given_the_timeline_alone(
    cast: Cast, admin_client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    person = make_story(cast)
    with django_assert_max_num_queries(6):
        response = admin_client.get(f"{address(person)}?show=notes", headers=HTMX)
    page = markup(response)
    assert page.ids[0] == "timeline"
    assert "standing" not in page.ids
    assert "Called her." in page.text


def test_nothing_of_another_organization_is_told(cast: Cast, admin_client: Client) -> None:
    ours, theirs = make_healthy(cast.acme), make_healthy(cast.globex)
    for made in (
        make_note(ours, cast.admin),
        make_message(ours),
        make_act(ours, cast.admin, Kind.SYNC),
        make_hold(ours, cast.admin),
    ):
        type(made).objects.filter(pk=made.pk).update(organization=cast.globex)
    assert listed(admin_client, ours) == []
    assert admin_client.get(address(theirs), headers=HTMX).status_code == 404
    assert client_of(cast.stranger).get(address(ours), headers=HTMX).status_code == 404


def test_the_page_takes_at_most_twelve_statements_at_any_size(
    cast: Cast, admin_client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    person = make_held(cast.acme)
    make_silence(person, cast.admin)
    make_invitation(person, cast.admin)
    for numbers in (range(1), range(1, 12)):
        for number in numbers:
            make_one_of_each(cast, person, NOW - number * HOUR)
        for headers in ({}, {"HX-Request": "true"}):
            with django_assert_max_num_queries(12):
                response = admin_client.get(address(person), headers=headers)
    assert len(response.context["timeline"]) == ENTRIES


def make_one_of_each(cast: Cast, person: Person, at: datetime) -> None:
    failed = make_outcome(person, at, result="failure", rule="x", error=REVOKED)
    verdict = interpret(RawError(**REVOKED), built_in_rules())
    rejudgements_append([Rejudged(failed.attempt_id, cast.acme.pk, person.pk, verdict)], now=NOW)
    make_note(person, cast.admin, at, owner=cast.viewer)
    make_message(person, at)
    make_act(person, cast.admin, Kind.INTERVAL, at)
    make_hold(person, cast.admin, at)
    Transition.objects.bulk_create([transition(person, at)])


@given(
    st.datetimes(
        timezones=st.just(NOW.tzinfo),
        min_value=NOW.replace(tzinfo=None, year=1971),
        max_value=NOW.replace(tzinfo=None, year=2971),
    ),
    st.integers(0, len(ALL) - 1),
    st.integers(0, 2**63 - 1).map(str) | st.uuids().map(str),
)
def test_a_place_is_read_back_as_it_was_written(at: datetime, rank: int, key: str) -> None:
    place = Place(at, rank, key)
    assert place_read(place.written()) == place


@given(st.text() | st.none())
def test_anything_else_is_no_place_or_one_that_is_written_so(written: str | None) -> None:
    place = place_read(written)
    assert place is None or place_read(place.written()) == place
