from __future__ import annotations

from datetime import time

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.access import access_for
from monitoring.alerts.kinds import AlertKind, Severity
from monitoring.alerts.models import Alert, Notification
from monitoring.alerts.plan_facts import Muted, Phase
from monitoring.alerts.routes import (
    RouteWanted,
    route_add,
    route_change,
    route_remove,
    routes_restore,
)
from tests.factories import NOW, make_member
from tests.monitoring.actions.invitation_makers import make_invitation
from tests.monitoring.alerts.routing_makers import make_route
from tests.monitoring.console.alert_makers import (
    CAUSE,
    HOUR,
    make_alert,
    make_over,
    make_recipient,
    make_told,
    prove,
)
from tests.monitoring.console.conftest import Cast, client_of
from tests.monitoring.console.incident_makers import make_incident
from tests.monitoring.console.makers import make_many_healthy, make_unwell
from tests.monitoring.console.markup import markup, text

POLICY = "salesforce-session-policy"
NEW_SILENCE = "/o/acme/silences/new/"


def address(alert: Alert, deed: str = "") -> str:
    where = "/o/acme" if alert.organization_id else ""
    return f"{where}/alerts/{alert.pk}/{deed}"


def page_of(client: Client, alert: Alert) -> str:
    return text(client.get(address(alert)))


# What it says


def test_it_begins_with_what_is_the_matter_and_the_one_step(
    cast: Cast, admin_client: Client
) -> None:
    for _ in range(2):
        make_unwell(cast.acme, "stalled", CAUSE)
    alert = make_alert(cast.acme)
    response = admin_client.get(address(alert))
    page = text(response)
    for words in (
        "2 people must give access again: Google access was revoked",
        "Goes on since 10:00",
        "Open, nobody has acknowledged it",
        "Who 2 people",
        "Do now Ask the person to reconnect Google",
        "Acknowledge",
        "Re-authorize 2 people…",
    ):
        assert words in page, words
    assert f"/o/acme/people/?alert={alert.pk}" in markup(response).links
    assert markup(response).violations == []


def test_how_many_were_asked_by_mail_is_told(cast: Cast, admin_client: Client) -> None:
    alert = make_alert(cast.acme)
    person = make_unwell(cast.acme, "stalled", CAUSE)
    assert "Asked" not in page_of(admin_client, alert)
    make_invitation(person, asked_by_name=cast.acme.name, created_at=NOW - HOUR)
    assert "Asked 1 of them, by mail" in page_of(admin_client, alert)


def test_the_people_it_names_are_exactly_those_of_the_list(
    cast: Cast, admin_client: Client
) -> None:
    ada = make_unwell(cast.acme, "stalled", CAUSE, name="Ada Lovelace")
    make_unwell(cast.acme, "stalled", POLICY, name="Somebody Else")
    alert = make_alert(cast.acme, people=1)
    links = markup(admin_client.get(address(alert))).links
    (link,) = [each for each in links if "/people/?" in each]
    people = text(admin_client.get(link))
    assert ada.name in people
    assert "Somebody Else" not in people


def test_what_proved_it_is_told_with_the_rule_and_its_version(
    cast: Cast, admin_client: Client
) -> None:
    ada = make_unwell(cast.acme, "stalled", CAUSE, name="Ada Lovelace")
    alert = prove(make_alert(cast.acme), ada)
    response = admin_client.get(address(alert))
    page = text(response)
    for words in (
        "What proved it Ada Lovelace was the first, 4 h ago",
        "Needs attention: Google access was revoked",
        "Failed: Google access was revoked run on schedule, 5 h ago",
        "Judged by the rule “ Google access was revoked ”, version 2",
    ):
        assert words in page, words
    attempts = {f"/o/acme/people/{ada.pk}/attempts/{each}/" for each in alert.evidence}
    assert attempts | {f"/o/acme/rules/{CAUSE}/"} <= set(markup(response).links)
    make_told(alert)
    assert "Why it was sent Ada Lovelace was the first" in page_of(admin_client, alert)


def test_a_silence_about_it_is_begun_from_it(cast: Cast, admin_client: Client) -> None:
    page = markup(admin_client.get(address(make_alert(cast.acme))))
    assert f"/o/acme/silences/new/?cause={CAUSE}" in page.links
    facts = {"facts": {"provider": "google"}, "kind": AlertKind.INCIDENT}
    page = markup(admin_client.get(address(make_alert(cast.acme, cause="1", **facts))))
    assert "/o/acme/silences/new/?provider=google" in page.links
    over = markup(admin_client.get(address(make_over(cast.acme))))
    assert not [link for link in over.links if "silences/new" in link]


def test_what_is_kept_back_for_too_few_others_says_how_many_are_silenced(
    cast: Cast, admin_client: Client
) -> None:
    few = {"kind": AlertKind.COVERAGE, "cause": "coverage", "facts": {"silenced": 6}}
    page = page_of(admin_client, make_alert(cast.acme, people=10, silenced=10, **few))
    assert "Muted: 6 of 10 people silenced, the others too few for an alert" in page
    assert "10 now, 10 at most, 6 silenced" in page
    page = page_of(admin_client, make_alert(cast.acme, people=10, silenced=4))
    assert "10 now, 10 at most, 4 silenced" in page


@pytest.mark.parametrize(
    ("kind", "facts", "query"),
    [
        (AlertKind.COVERAGE, {}, "?everybody=on"),
        (AlertKind.UNRECOGNISED, {"text": "salesforce 500 an aisle"}, "?provider=salesforce"),
        (AlertKind.UNRECOGNISED, {"text": "network - timed out"}, "?provider=network"),
        (AlertKind.UNRECOGNISED, {"text": ""}, None),
        (AlertKind.RULE_CHANGE, {}, None),
    ],
)
def test_a_silence_is_begun_from_whatever_one_could_mute(
    cast: Cast, admin_client: Client, kind: AlertKind, facts: dict[str, str], query: str | None
) -> None:
    make_many_healthy(cast.acme, 8)
    alert = make_alert(cast.acme, kind=kind, cause="this", facts=facts)
    links = [each for each in markup(admin_client.get(address(alert))).links if "silences/" in each]
    assert [each for each in links if "new" in each] == ([f"{NEW_SILENCE}{query}"] if query else [])
    if query:
        assert "8 people (100" in text(admin_client.get(f"{NEW_SILENCE}{query}"))


def test_an_incident_leads_to_its_page(cast: Cast, admin_client: Client) -> None:
    incident = make_incident(cast.acme)
    fields = {"incident": incident, "cause": str(incident.pk), "facts": {"rule": incident.rule}}
    alert = make_alert(cast.acme, kind=AlertKind.INCIDENT, people=30, **fields)
    response = admin_client.get(address(alert))
    assert "Incident, 30 people hit: " in text(response)
    assert "Open the incident" in text(response)
    assert f"/o/acme/incidents/{incident.pk}/" in markup(response).links


def test_one_that_is_over_still_leads_to_its_incident(cast: Cast, admin_client: Client) -> None:
    incident = make_incident(cast.acme, closed_at=NOW - 46 * HOUR)
    fields = {"incident": incident, "cause": str(incident.pk), "facts": {"rule": incident.rule}}
    over = make_over(cast.acme, kind=AlertKind.INCIDENT, **fields)
    response = admin_client.get(address(over))
    assert "Incident Whom it hit, and its course" in text(response)
    assert f"/o/acme/incidents/{incident.pk}/" in markup(response).links


def test_who_was_told_is_listed_with_the_message_and_its_state(
    cast: Cast, admin_client: Client
) -> None:
    alert = make_alert(cast.acme)
    casey = make_recipient(cast.acme, name="Casey Admin", address="casey@acme.example")
    sent = make_told(alert, casey)
    make_told(alert, casey, phase=Phase.REMINDER, state="failed", answer="550 No such user")
    make_told(alert, casey, phase=Phase.GROWN, state="withdrawn", answer="")
    response = admin_client.get(address(alert))
    page = text(response)
    for words in (
        "Casey Admin casey@acme.example When it began, about 2 people Built-in route Sent",
        "As a reminder, about 2 people Built-in route Not delivered",
        "550 No such user",
        "When it grew, about 2 people Built-in route Withdrawn",
        "What it told was over, muted, or about far fewer people before it was sent.",
        "1 recipient told",
        "Times in Europe/Berlin",
    ):
        assert words in page, words
    links = markup(response).links
    assert {f"/o/acme/outbox/{sent.message_id}/", f"/o/acme/outbox/?alert={alert.pk}"} <= set(links)


def test_what_was_kept_back_stays_to_be_seen(cast: Cast, admin_client: Client) -> None:
    over = make_over(cast.acme)
    make_told(over, muted=Muted.FLAPPING)
    page = page_of(admin_client, over)
    assert "Kept back Muted: it came and went, and this time had not lasted" in page
    assert "0 told" not in page


def test_a_route_that_is_gone_is_not_said_to_be_built_in(cast: Cast, admin_client: Client) -> None:
    casey = make_recipient(cast.acme, user=cast.admin, name="Casey Admin")
    alert = make_alert(cast.acme)
    make_told(alert, casey)
    make_route(cast.globex)
    assert "Built-in route" in page_of(admin_client, alert)
    access = access_for(cast.admin, "acme")
    wanted = RouteWanted("admins", "Night shift")
    route = route_change(access=access, key="built-in-1", wanted=wanted, now=NOW - 24 * HOUR)
    Notification.objects.update(route=route)
    assert "When it began, about 2 people Night shift" in page_of(admin_client, alert)
    # Of those there are none was there when it told.
    route_add(access=access, wanted=RouteWanted("admins", "Day shift"), now=NOW)
    route_remove(access=access, key=str(route.pk), now=NOW)
    page = page_of(admin_client, alert)
    assert "When it began, about 2 people A route that is gone" in page
    assert "Built-in route" not in page


def test_what_the_built_in_route_told_is_still_its_when_others_are_written(
    cast: Cast, admin_client: Client
) -> None:
    alert = make_alert(cast.acme)
    make_told(alert, make_recipient(cast.acme, name="Casey Admin"))
    access = access_for(cast.admin, "acme")
    route_add(access=access, wanted=RouteWanted("admins"), now=NOW)
    page = page_of(admin_client, alert)
    assert "When it began, about 2 people Built-in route" in page


def test_what_the_built_in_route_told_once_it_was_restored_is_its(
    cast: Cast, admin_client: Client
) -> None:
    alert, access = make_alert(cast.acme), access_for(cast.admin, "acme")
    make_told(alert, make_recipient(cast.acme, name="Casey Admin"))
    route_add(access=access, wanted=RouteWanted("admins"), now=NOW - 24 * HOUR)
    assert "A route that is gone" in page_of(admin_client, alert)
    routes_restore(access=access, now=NOW - 2 * HOUR)
    page = page_of(admin_client, alert)
    assert "When it began, about 2 people Built-in route" in page


def test_who_was_not_told_is_listed_with_the_reason(cast: Cast, admin_client: Client) -> None:
    alert = make_alert(cast.acme, began_at=NOW - HOUR / 12)
    make_recipient(cast.acme, user=cast.admin, name="Casey Admin")
    night = {"quiet_from": time(11), "quiet_until": time(7)}
    make_recipient(cast.acme, user=make_member(cast.acme).user, name="Nora Night", **night)
    gone = {"unsubscribed_at": NOW, "name": "Gus Gone"}
    make_recipient(cast.acme, user=make_member(cast.acme).user, **gone)
    box = make_recipient(cast.acme, name="New box", confirmed_at=None)
    make_route(cast.acme, [box], name="To the box", position=1)
    make_route(cast.acme, position=2, name="Owners and admins")
    page = page_of(admin_client, alert)
    for words in (
        "Waits for confirmation: nobody there has said yet that they want alerts",
        "Casey Admin recipient",
        "Will be told at 13:10 if it lasts · Owners and admins",
        "Quiet hours: will be told on Sat at 08:00 if it lasts",
        "Unsubscribed: wants no alerts of this organization",
    ):
        assert words in page, words


def test_an_escalation_is_foreseen_by_when_the_first_will_wake_up_to_be_told(
    cast: Cast, admin_client: Client
) -> None:
    alert = make_alert(cast.acme, began_at=NOW - HOUR / 12)
    asleep = {"quiet_from": time(11), "quiet_until": time(13, 30)}
    make_recipient(cast.acme, user=cast.admin, **asleep)
    box = make_recipient(cast.acme, name="Second box")
    make_route(cast.acme, [box], name="Escalation", position=1, after=3_600)
    make_route(cast.acme, position=2, name="Owners and admins")
    page = page_of(admin_client, alert)
    assert "Quiet hours: will be told at 13:30 if it lasts · Owners and admins" in page
    assert "Will be told at 14:30 if it lasts · Escalation" in page


def test_of_several_routes_that_by_which_one_is_told_first_is_named(
    cast: Cast, admin_client: Client
) -> None:
    alert = make_alert(cast.acme, began_at=NOW - HOUR / 12, acknowledged_at=NOW)
    make_recipient(cast.acme, user=cast.admin)
    make_route(cast.acme, position=1, name="Escalation", after=3_600)
    make_route(cast.acme, position=2, name="At once")
    assert "Will be told at 13:10 if it lasts · At once" in page_of(admin_client, alert)


def test_what_happened_once_is_still_told_to_whoever_sleeps(
    cast: Cast, admin_client: Client
) -> None:
    once = {"kind": AlertKind.RULE_CHANGE, "severity": Severity.NOTICE, "people": 0}
    alert = make_alert(cast.acme, began_at=NOW - HOUR, ended_at=NOW - HOUR, **once)
    night = {"quiet_from": time(11), "quiet_until": time(7)}
    make_recipient(cast.acme, user=cast.admin, **night)
    make_route(cast.acme, name="All")
    assert "Quiet hours: will be told on Sat at 07:00 · All" in page_of(admin_client, alert)
    Alert.objects.filter(pk=alert.pk).update(ended_at=NOW - 90 * HOUR, began_at=NOW - 90 * HOUR)
    assert "Who was not told" not in page_of(admin_client, alert)


def test_who_was_told_is_not_among_those_who_were_not(cast: Cast, admin_client: Client) -> None:
    casey = make_recipient(cast.acme, user=cast.admin, name="Casey Admin")
    alert = make_alert(cast.acme)
    assert "Will be told within a minute" in page_of(admin_client, alert)
    make_told(alert, casey)
    assert "Who was not told" not in page_of(admin_client, alert)


def test_nobody_told_is_said(cast: Cast, admin_client: Client) -> None:
    assert "Nobody has been yet." in page_of(admin_client, make_alert(cast.acme))
    assert "Nobody was." in page_of(admin_client, make_over(cast.acme))


def test_of_support_staff_a_member_sees_no_name(cast: Cast, admin_client: Client) -> None:
    alert = make_alert(cast.acme)
    make_told(alert, make_recipient(None, name="Pat Support"))
    page = page_of(admin_client, alert)
    assert "Pat Support" not in page
    assert "Support staff of the service was told as well." in page
    assert "Pat Support" in page_of(client_of(cast.staff), alert)


def test_others_like_it_are_told_with_how_they_ended(cast: Cast, admin_client: Client) -> None:
    alert = make_alert(cast.acme, flaps=3)
    before = make_over(cast.acme)
    make_over(cast.acme, cause=POLICY, kind=AlertKind.STALLED)
    make_over(cast.globex)
    response = admin_client.get(address(alert))
    page = text(response)
    assert "Others like it 4 people had to give access again" in page
    assert "Over after 2 h · began" in page
    assert "Flapping: came back 3 times within a day" in page
    assert address(before) in markup(response).links
    assert len(response.context["others"]) == 1
    assert "Open, nobody has acknowledged it · began" in page_of(admin_client, before)


def test_of_one_that_is_over_there_is_nothing_to_do(cast: Cast, admin_client: Client) -> None:
    page = page_of(admin_client, make_over(cast.acme))
    assert "Over after 2 h" in page
    assert "From Wed 13:00 to Wed 15:00" in page
    for words in ("Acknowledge", "Re-authorize", "Do now", "Who was not told"):
        assert words not in page, words


def test_htmx_is_given_its_part(cast: Cast, admin_client: Client) -> None:
    response = admin_client.get(address(make_alert(cast.acme)), headers={"HX-Request": "true"})
    assert "<html" not in response.content.decode()


@pytest.mark.parametrize("number", [1, 30])
def test_the_page_takes_at_most_twenty_statements_at_any_size(
    cast: Cast,
    admin_client: Client,
    django_assert_max_num_queries: DjangoAssertNumQueries,
    number: int,
) -> None:
    alert = prove(make_alert(cast.acme), make_unwell(cast.acme, "stalled", CAUSE))
    for _ in range(number):
        make_told(alert)
        make_recipient(cast.acme, user=make_member(cast.acme).user)
        make_over(cast.acme)
    with django_assert_max_num_queries(20):
        admin_client.get(address(alert))


# Acknowledging


def test_it_is_acknowledged_and_taken_back(cast: Cast, admin_client: Client) -> None:
    alert = make_alert(cast.acme)
    response = admin_client.post(address(alert, "acknowledge"), follow=True)
    assert response.redirect_chain == [(address(alert), 302)]
    for words in (
        "Acknowledged. Nobody is reminded for 7 days, unless more people are concerned.",
        "Acknowledged by admin@acme.example at 13:00",
        "Take acknowledgement back",
    ):
        assert words in text(response), words
    again = text(admin_client.post(address(alert, "acknowledge"), follow=True))
    assert "Nothing to acknowledge: it is over, or somebody was faster." in again
    back = text(admin_client.post(address(alert, "unacknowledge"), follow=True))
    assert "Taken back. It waits for somebody again, with reminders." in back
    assert "Open, nobody has acknowledged it" in back
    nothing = text(admin_client.post(address(alert, "unacknowledge"), follow=True))
    assert "There is no acknowledgement to take back." in nothing


def test_who_has_it_in_hand_is_told_with_when_reminders_resume(
    cast: Cast, admin_client: Client
) -> None:
    by = {"acknowledged_at": NOW - HOUR, "acknowledged_by_name": "Casey Admin"}
    page = page_of(admin_client, make_alert(cast.acme, **by))
    assert "In hand Casey Admin acknowledged it 1 h ago" in page
    assert "Reminders go out again on 27 Nov at 12:00, or once more people are concerned" in page


def test_one_acknowledged_a_week_ago_may_be_acknowledged_anew(
    cast: Cast, admin_client: Client
) -> None:
    by = {"acknowledged_at": NOW - 8 * 24 * HOUR, "acknowledged_by_name": "Casey Admin"}
    alert = make_alert(cast.acme, **by)
    page = page_of(admin_client, alert)
    assert "That was more than 7 days ago, so reminders go out again." in page
    assert "Take acknowledgement back" not in page
    admin_client.post(address(alert, "acknowledge"))
    alert.refresh_from_db()
    assert alert.acknowledged_by_name == "admin@acme.example"


def test_one_that_is_over_is_not_acknowledged(cast: Cast, admin_client: Client) -> None:
    alert = make_over(cast.acme)
    page = text(admin_client.post(address(alert, "acknowledge"), follow=True))
    assert "Nothing to acknowledge" in page
    alert.refresh_from_db()
    assert alert.acknowledged_at is None


def test_a_viewer_may_look_and_not_acknowledge(cast: Cast) -> None:
    alert, client = make_alert(cast.acme), client_of(cast.viewer)
    page = page_of(client, alert)
    assert "2 people must give access again" in page
    for words in ("Acknowledge", "Re-authorize 2", "Silence this"):
        assert words not in page, words
    for deed in ("acknowledge", "unacknowledge"):
        assert client.post(address(alert, deed)).status_code == 403
    alert.refresh_from_db()
    assert alert.acknowledged_at is None


def test_a_stranger_finds_nothing_and_wrong_methods_are_refused(cast: Cast, client: Client) -> None:
    alert, elsewhere = make_alert(cast.acme), make_alert(cast.globex)
    admin, stranger = client_of(cast.admin), client_of(cast.stranger)
    assert client.get(address(alert)).status_code == 302
    assert stranger.get(address(alert)).status_code == 404
    assert admin.post(address(alert)).status_code == 405
    assert admin.get(address(elsewhere)).status_code == 404
    for deed in ("acknowledge", "unacknowledge"):
        assert stranger.post(address(alert, deed)).status_code == 404
        assert admin.get(address(alert, deed)).status_code == 405
        assert admin.post(address(elsewhere, deed)).status_code == 404
    assert not Alert.objects.exclude(acknowledged_at=None).exists()


# Of the service


def test_support_staff_see_one_of_the_service_and_acknowledge_it(cast: Cast) -> None:
    facts = {"organizations": 3, "rule": "salesforce-maintenance"}
    fields = {"kind": AlertKind.INCIDENT, "cause": "1", "people": 90, "facts": facts}
    alert = make_alert(None, severity=Severity.CRITICAL, **fields)
    told = make_told(alert, make_recipient(None, name="Pat Support"))
    client = client_of(cast.staff)
    response = client.get(address(alert))
    page = text(response)
    for words in ("Incident in 3 organizations, 90 people hit", "Pat Support", "Critical"):
        assert words in page, words
    links = set(markup(response).links)
    assert {"/incidents/", f"/outbox/{told.message_id}/", f"/outbox/?alert={alert.pk}"} <= links
    assert client.get(f"/outbox/{told.message_id}/").status_code == 200
    response = client.post(address(alert, "acknowledge"), follow=True)
    assert response.redirect_chain == [(address(alert), 302)]
    assert "Acknowledged by support@service.example" in text(response)
