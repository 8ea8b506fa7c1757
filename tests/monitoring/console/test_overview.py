from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.db.models import CharField, Value
from django.db.models.functions import Concat, Mod
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.access import access_for
from monitoring.alerts.kinds import AlertKind, Severity
from monitoring.alerts.models import Alert
from monitoring.alerts.silences import silence_place
from monitoring.console.needs import OLDEST
from monitoring.console.overview import disabled_by, held_question
from monitoring.console.together import ask_together
from monitoring.errors.inbox import unrecognised_note
from monitoring.health.models import Health, HealthTally, Hold
from monitoring.incidents.models import PlannedMaintenance
from tests.factories import NOW, make_person
from tests.monitoring.alerts.makers import make_matcher
from tests.monitoring.console.alert_makers import CAUSE, make_alert, make_told
from tests.monitoring.console.conftest import Cast, client_of
from tests.monitoring.console.incident_makers import (
    OVER,
    RECOVERING,
    make_hit_people,
    make_incident,
)
from tests.monitoring.console.makers import (
    make_action,
    make_healthy,
    make_held,
    make_many_healthy,
    make_unwell,
)
from tests.monitoring.console.markup import markup, text
from tests.monitoring.console.person_makers import make_note
from tests.monitoring.errors.makers import seen

ADDRESS = "/o/acme/"
HTMX = {"HX-Request": "true"}


def disabled(cast: Cast) -> tuple[int, int]:
    """How many are off by people, and how many by errors."""
    return disabled_by(
        ask_together(held=held_question(access_for(cast.admin, "acme"), NOW))["held"]
    )


def test_the_page_says_how_everybody_stands_with_links(cast: Cast, admin_client: Client) -> None:
    make_many_healthy(cast.acme, 41)
    make_unwell(cast.acme, "degraded", "overdue")
    make_unwell(cast.acme, "stalled", "silent")
    make_held(cast.acme)
    make_person(cast.acme)
    page = markup(admin_client.get(ADDRESS))
    assert "41 of 44 people are syncing" in page.text
    assert "41 syncing 1 delayed 1 needs attention 1 off" in page.text
    assert "1 never connected and counted apart" in page.text
    assert "Disabled by people: 1. By errors: 0." in page.text
    for group in ("healthy", "degraded", "stalled", "disabled", "never_connected"):
        assert f"/o/acme/people/?status={group}" in page.links


def test_what_needs_somebody_is_grouped_by_cause(cast: Cast, admin_client: Client) -> None:
    for hours in (50, 100, 60):
        make_unwell(cast.acme, "stalled", "google-access-revoked", hours=hours)
    make_unwell(cast.acme, "stalled", "silent", hours=20)
    make_unwell(cast.acme, "degraded", "google-rate-limit", hours=500)
    response = admin_client.get(ADDRESS)
    needs = response.context["needs"]
    assert [(need.title, need.people, need.last_good.said) for need in needs] == [
        ("Google access was revoked", 3, "4 days ago"),
        ("No run for too long", 1, "20 h ago"),
    ]
    assert "Ask the person to reconnect Google" in text(response)
    address = "/o/acme/people/?status=stalled&cause=google-access-revoked"
    assert address in markup(response).links
    assert len(admin_client.get(address).context["rows"]) == 3


def test_with_nothing_to_do_the_page_says_so(cast: Cast, admin_client: Client) -> None:
    make_healthy(cast.acme)
    page = text(admin_client.get(ADDRESS))
    assert "Needs you Nobody. What fails now is tried again by itself." in page
    assert "Incidents There has been none yet." in page.replace("Incidents Overview", "")
    assert "Disabled by people: 0. By errors: 0." in page


def test_an_organization_without_people_says_so(cast: Cast, admin_client: Client) -> None:
    assert "Nobody is connected yet" in text(admin_client.get(ADDRESS))


def test_the_incidents_that_need_eyes_come_first(cast: Cast, admin_client: Client) -> None:
    for _ in range(3):
        make_incident(cast.acme, **OVER)
    make_incident(cast.acme, **RECOVERING, people_hit=18)
    incident = make_incident(cast.acme, people_hit=31)
    response = admin_client.get(ADDRESS)
    assert [row.look.word for row in response.context["incidents"]] == [
        "Open",
        "Recovering",
        "Over",
    ]
    assert "Salesforce: 31 people hit since 10:00 Open for 3 h" in text(response)
    assert f"/o/acme/incidents/{incident.pk}/" in markup(response).links


def test_disabled_by_people_counts_people_and_not_holds(cast: Cast, admin_client: Client) -> None:
    person = make_held(cast.acme)
    make_held(cast.acme, ends_at=NOW + timedelta(days=1))
    hold = Hold.objects.get(person=person)
    Hold.objects.create(
        organization=cast.acme,
        person=person,
        author_kind="person",
        author_name="Ada",
        reason="On leave too",
        started_at=hold.started_at,
    )
    past = make_healthy(cast.acme)
    Hold.objects.create(
        organization=cast.acme,
        person=past,
        author_kind="person",
        author_name="Ada",
        reason="Was on leave",
        started_at=NOW - timedelta(days=9),
        released_at=NOW - timedelta(days=2),
    )
    make_held(cast.globex)
    assert disabled(cast) == (2, 0)


def test_somebody_disabled_without_a_hold_would_be_counted(cast: Cast) -> None:
    make_held(cast.acme)
    HealthTally.objects.create(
        organization=cast.acme, status="disabled", cause="google-rate-limit", people=1
    )
    assert disabled(cast) == (1, 1)


def test_somebody_disabled_by_a_hold_that_was_lifted_would_be_counted(cast: Cast) -> None:
    person = make_held(cast.acme)
    Hold.objects.filter(person=person).update(released_at=NOW)
    assert Health.objects.get(person=person).status == "disabled"
    assert disabled(cast) == (0, 1)


def test_htmx_is_given_the_part_only(cast: Cast, admin_client: Client) -> None:
    html = admin_client.get(ADDRESS, headers=HTMX).content.decode()
    assert "<html" not in html
    assert 'id="overview"' in html


def test_who_may_see_it(cast: Cast, client: Client) -> None:
    assert client_of(cast.viewer).get(ADDRESS).status_code == 200
    assert client_of(cast.staff).get(ADDRESS).status_code == 200
    assert client_of(cast.stranger).get(ADDRESS).status_code == 404
    assert client_of(cast.admin).get("/o/nowhere/").status_code == 404
    assert client.get(ADDRESS).status_code == 302
    assert client_of(cast.admin).post(ADDRESS).status_code == 405


def test_nothing_of_another_organization_is_counted(cast: Cast, admin_client: Client) -> None:
    make_healthy(cast.acme)
    make_unwell(cast.globex, "stalled", "google-access-revoked")
    make_held(cast.globex)
    make_incident(cast.globex, people_hit=77)
    page = text(admin_client.get(ADDRESS))
    assert "The only person connected is syncing" in page
    assert "Needs you Nobody." in page
    assert "Disabled by people: 0. By errors: 0." in page
    assert "77 people" not in page
    assert not admin_client.get(ADDRESS).context["incidents"]


def test_the_oldest_of_a_cause_is_of_the_same_organization(
    cast: Cast, admin_client: Client
) -> None:
    make_unwell(cast.acme, "stalled", "silent", hours=20)
    make_unwell(cast.globex, "stalled", "silent", hours=900)
    (need,) = admin_client.get(ADDRESS).context["needs"]
    assert need.last_good.said == "20 h ago"


def test_each_cause_has_one_step_and_the_first_action_leads(
    cast: Cast, admin_client: Client
) -> None:
    for number, cause in ((3, "salesforce-user-inactive"), (2, "google-access-revoked")):
        for _ in range(number):
            make_unwell(cast.acme, "stalled", cause)
    make_unwell(cast.acme, "stalled", "silent")
    make_unwell(cast.acme, "stalled", "google-bad-parameter")
    response = admin_client.get(ADDRESS)
    steps = [need.step for need in response.context["needs"]]
    assert [(step.words, step.is_action, step.leads) for step in steps if step] == [
        ("Then sync 3 people…", True, False),
        ("Re-authorize 2 people…", True, True),
        ("Sync 1 person…", True, False),
    ]
    assert "Nothing to do in the console" in text(response)
    links = markup(response).links
    assert (
        "/o/acme/actions/new/?kind=reauthorize&scope=filter"
        "&filter=status%3Dstalled%26cause%3Dgoogle-access-revoked"
    ) in links
    assert [bool(step.posted) for step in steps if step] == [True, False, True]
    preview = admin_client.post("/o/acme/actions/new/", steps[0].posted, follow=True)
    assert "all who match status: Needs attention" in text(preview)
    assert [step.place.words for step in steps if step and step.place] == ["Open Salesforce Setup"]
    assert f"https://{cast.acme.salesforce_host}/lightning/setup/SetupOneHome/home" in links


def test_who_may_only_look_is_not_asked_to_act(cast: Cast) -> None:
    make_unwell(cast.acme, "stalled", "silent")
    make_unwell(cast.acme, "stalled", "salesforce-user-inactive")
    response = client_of(cast.viewer).get(ADDRESS)
    assert not [link for link in markup(response).links if "actions/new" in link]
    assert "For an admin to do" in text(response)


def test_no_run_is_offered_of_people_whom_another_engine_syncs(
    cast: Cast, admin_client: Client
) -> None:
    elsewhere = {"health": {"runs_here": False}}
    for cause in ("silent", "salesforce-user-inactive", "google-bad-parameter"):
        make_unwell(cast.acme, "stalled", cause, **elsewhere)
    response = admin_client.get(ADDRESS)
    assert not [link for link in markup(response).links if "actions/new" in link]
    assert "Ask whoever runs the engine that syncs them why it has stopped reporting." in text(
        response
    )
    assert f"https://{cast.acme.salesforce_host}/lightning/setup/SetupOneHome/home" in (
        markup(response).links
    )
    make_unwell(cast.acme, "stalled", "silent")
    assert "Sync 2 people…" in text(admin_client.get(ADDRESS))


def test_what_nobody_can_help_is_not_said_to_be_for_an_admin(cast: Cast) -> None:
    make_unwell(cast.acme, "stalled", "google-bad-parameter")
    page = text(client_of(cast.viewer).get(ADDRESS))
    assert "Nothing to do in the console" in page
    assert "For an admin to do" not in page


def test_coverage_says_who_never_connected(cast: Cast, admin_client: Client) -> None:
    make_many_healthy(cast.acme, 3)
    make_person(cast.acme)
    page = text(admin_client.get(ADDRESS))
    assert "3 of 4 people known in Salesforce are connected (75 %)." in page
    assert "Nobody is known yet." in text(client_of(cast.stranger).get("/o/globex/"))


def test_the_unrecognised_errors_of_most_people_are_told(cast: Cast, admin_client: Client) -> None:
    for people in range(1, 5):
        unrecognised_note(
            [seen(cast.acme, person, signature=f"google {people}") for person in range(people)]
        )
    unrecognised_note([seen(cast.globex, person) for person in range(9)])
    response = admin_client.get(ADDRESS)
    errors = response.context["errors"]
    assert [(error.signature, error.people) for error in errors] == [
        ("google 4", "4 people"),
        ("google 3", "3 people"),
        ("google 2", "2 people"),
    ]
    assert f"/o/acme/people/?error={errors[0].pk}" in markup(response).links


def test_actions_under_way_are_told(cast: Cast, admin_client: Client) -> None:
    make_action(cast.acme, cast.admin, kind="hold", state="approval", people=200)
    stopping = {"people": 2, "stopped_by": cast.admin, "begun_at": NOW}
    make_action(cast.acme, cast.admin, state="running", **stopping)
    running = make_action(cast.acme, cast.admin, state="running", people=1_234, begun_at=NOW)
    for state in ("preview", "done", "stopped", "discarded"):
        make_action(cast.acme, cast.admin, state=state)
    make_action(cast.globex, cast.stranger, state="running")
    response = admin_client.get(ADDRESS)
    told = [(action.words, action.look.word) for action in response.context["actions"]]
    assert told == [
        ("Sync 1,234 people now", "Running"),
        ("Sync 2 people now", "Stopping"),
        ("Hold 200 people", "Waits for approval"),
    ]
    assert f"/o/acme/actions/{running.pk}/" in markup(response).links


def test_notes_that_are_mine_or_overdue_are_told(cast: Cast, admin_client: Client) -> None:
    ada = make_healthy(cast.acme, name="Ada Lovelace")
    today = NOW.date()
    mine = {"owner": cast.admin, "owner_name": "Casey"}
    theirs = {"owner": cast.viewer, "owner_name": "Val"}
    make_note(ada, cast.admin, text="Mine some day", **mine)
    make_note(ada, cast.admin, text="Mine soon", due_on=today + timedelta(days=2), **mine)
    make_note(ada, cast.admin, text="Theirs soon", due_on=today + timedelta(days=1), **theirs)
    make_note(ada, cast.admin, text="Theirs late", due_on=today - timedelta(days=1), **theirs)
    make_note(ada, cast.admin, text="Done", due_on=today - timedelta(days=1), done_at=NOW)
    make_note(ada, cast.admin, text="For nobody")
    globex = make_healthy(cast.globex)
    make_note(globex, cast.admin, due_on=today - timedelta(days=1), **mine)
    response = admin_client.get(ADDRESS)
    told = [(note.text, note.owner, note.due, note.overdue) for note in response.context["notes"]]
    assert told == [
        ("Theirs late", "Val", "Thu 19 Nov", True),
        ("Mine soon", "you", "Sun 22 Nov", False),
        ("Mine some day", "you", "", False),
    ]
    assert f"/o/acme/people/{ada.pk}/#notes" in markup(response).links
    assert "Overdue: due Thu 19 Nov · for Val" in text(response)
    for _ in range(4):
        make_note(ada, cast.admin, due_on=today, **mine)
    response = admin_client.get(ADDRESS)
    assert len(response.context["notes"]) == 5
    assert "More are due than fit here." in text(response)


def test_a_silence_that_may_spread_is_told_with_how_many_it_may_come_to(
    cast: Cast, admin_client: Client
) -> None:
    make_many_healthy(cast.acme, 8)
    make_matcher(cast.acme, cause="silent", reason="Known")
    page = text(admin_client.get(ADDRESS))
    assert "up to 8 people (100 %) if it spreads. Known" in page


def test_silences_are_told_with_whom_they_mute(cast: Cast, admin_client: Client) -> None:
    people = [make_healthy(cast.acme).pk for _ in range(4)]
    for place in range(6):
        silence_place(
            organization=cast.acme,
            author=cast.admin,
            author_name="Casey",
            people=people[: place % 2 + 1],
            reason=f"Migration {place}",
            ends_at=NOW + timedelta(days=9 - place),
            now=NOW,
        )
    response = admin_client.get(ADDRESS)
    silences = response.context["silences"]
    assert [silence.reason for silence in silences] == [f"Migration {n}" for n in (5, 4, 3, 2, 1)]
    assert silences[0].mutes == "2 people (50\xa0%)"
    assert "1 more" in text(response)
    assert "/o/acme/silences/" in markup(response).links


def test_alerts_nobody_has_acknowledged_are_told_the_gravest_first(
    cast: Cast, admin_client: Client
) -> None:
    for number in range(3):
        make_alert(cast.acme, cause=f"cause-{number}")
    grave = {"kind": AlertKind.STALLED, "cause": "salesforce-session-policy"}
    gravest = make_alert(cast.acme, severity=Severity.CRITICAL, flaps=3, **grave)
    make_alert(cast.acme, acknowledged_at=NOW)
    make_alert(cast.globex)
    response = admin_client.get(ADDRESS)
    assert (
        "Other alerts nobody has acknowledged 2 people stopped syncing: Salesforce session policy"
        in text(response)
    )
    assert "began 3 h ago" in text(response)
    assert "· flapping: came back 3 times within a day" in text(response)
    assert len(response.context["alerts"]) == 3
    links = markup(response).links
    assert {f"/o/acme/alerts/{gravest.pk}/", "/o/acme/alerts/?state=waiting"} <= set(links)


def test_who_has_the_alert_of_a_cause_is_told_with_it_and_not_twice(
    cast: Cast, admin_client: Client
) -> None:
    make_unwell(cast.acme, "stalled", CAUSE)
    alert = make_alert(cast.acme, people=1)
    response = admin_client.get(ADDRESS)
    assert "Alert since 10:00 : nobody has acknowledged it" in text(response)
    assert response.context["alerts"] == []
    assert markup(response).links.count(f"/o/acme/alerts/{alert.pk}/") == 1
    Alert.objects.update(acknowledged_at=NOW, acknowledged_by_name="Casey Admin")
    acknowledged = text(admin_client.get(ADDRESS))
    assert "Alert since 10:00 : acknowledged by Casey Admin at 13:00" in acknowledged
    Alert.objects.update(silenced=1)
    muted = text(admin_client.get(ADDRESS))
    assert "Alert since 10:00 : acknowledged by Casey Admin at 13:00 · muted: the one" in muted
    Alert.objects.update(acknowledged_at=None)
    nobody = text(admin_client.get(ADDRESS))
    assert "Alert since 10:00 : nobody needs to hear of it · muted: the one person" in nobody


def test_messages_that_failed_are_told_above_all(cast: Cast, admin_client: Client) -> None:
    assert "could not be delivered" not in text(admin_client.get(ADDRESS))
    make_told(make_alert(cast.acme), state="failed")
    make_told(make_alert(cast.globex), state="failed")
    response = admin_client.get(ADDRESS)
    assert "1 message could not be delivered." in text(response)
    assert "/o/acme/outbox/?show=failed" in markup(response).links


def test_the_charts_come_after_the_text_in_the_range_asked_for(
    cast: Cast, admin_client: Client
) -> None:
    page = admin_client.get(f"{ADDRESS}?trend=7d").content.decode()
    assert 'hx-get="/o/acme/trends/?trend=7d" hx-trigger="load"' in page
    assert "/o/acme/trends/?trend=7d" in markup(admin_client.get(f"{ADDRESS}?trend=7d")).links
    assert "chart__drawing" not in page


def fill(cast: Cast, size: int) -> None:
    make_hit_people(make_incident(cast.acme), size)
    for number in range(min(size, 12)):
        make_incident(cast.acme, **OVER)
        make_told(make_alert(cast.acme, cause=f"cause-{number}"), state="failed")
        make_unwell(cast.acme, "stalled", f"cause-{number}")
        person = make_held(cast.acme)
        make_action(cast.acme, cast.admin, state="running")
        make_note(person, cast.admin, due_on=NOW.date() - timedelta(days=1))
        unrecognised_note([seen(cast.acme, signature=f"google {number}")])
        silence_place(
            organization=cast.acme,
            author=cast.admin,
            author_name="Casey",
            people=[person.pk],
            reason="Migration",
            ends_at=NOW + timedelta(days=1),
            now=NOW,
        )


@pytest.mark.parametrize("size", [1, 80])
def test_the_page_takes_at_most_ten_statements_at_any_size(
    cast: Cast,
    admin_client: Client,
    django_assert_max_num_queries: DjangoAssertNumQueries,
    size: int,
) -> None:
    fill(cast, size)
    admin_client.get(ADDRESS)
    with django_assert_max_num_queries(8) as captured:
        admin_client.get(ADDRESS)
    assert not [query for query in captured if "outcomes_outcome" in query["sql"]]
    staff_client = client_of(cast.staff)
    with django_assert_max_num_queries(10):
        staff_client.get(ADDRESS)


def test_the_oldest_are_read_from_the_index(cast: Cast) -> None:
    make_many_healthy(cast.acme, 300)
    cause = Concat(Value("cause-"), Mod("person_id", 50), output_field=CharField())
    Health.objects.filter(organization=cast.acme).update(severity=0, cause=cause)
    values = {"organization": cast.acme.pk, "severity": 0, "most": 8}
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE health_health")
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"EXPLAIN {OLDEST}", values)
        plan = " ".join(line for (line,) in cursor.fetchall())
    assert "health_by_cause" in plan
    # Nothing is sorted by it.
    assert "unwell_since" not in plan


def test_planned_maintenance_is_offered_and_matchers_are_told_in_words(
    cast: Cast, admin_client: Client
) -> None:
    make_healthy(cast.acme)
    times = {"starts_at": NOW + timedelta(days=1), "ends_at": NOW + timedelta(days=1, hours=4)}
    facts = {"provider": "salesforce", "instance": "DEU1", "name": "Winter release", "key": "7"}
    plan = PlannedMaintenance.objects.create(organization=cast.acme, **facts, **times)
    make_matcher(cast.acme, provider="google", reason="Google moves")
    offer = "Salesforce plans maintenance on DEU1: Sat 13:00\N{EN DASH}17:00. Winter release"
    response = admin_client.get(ADDRESS)
    page = text(response)
    assert f"{offer} · Mute Salesforce alerts for it" in page
    assert f"/o/acme/silences/new/?maintenance={plan.pk}" in markup(response).links
    said = "Trouble with Google: mutes 0 people, up to 1 person (100 %) if it spreads. Google moves"
    assert said in page
    viewed = text(client_of(cast.viewer).get(ADDRESS))
    assert "Salesforce plans maintenance" in viewed
    assert "Mute Salesforce alerts" not in viewed
    make_matcher(cast.acme, provider="salesforce", announcement=plan.key)
    assert "plans maintenance" not in text(admin_client.get(ADDRESS))
