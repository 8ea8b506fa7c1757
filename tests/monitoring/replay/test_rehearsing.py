from __future__ import annotations

from dataclasses import replace
from datetime import time, timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied

from accounts.access import Access
from accounts.models import Organization, Person, Role
from monitoring.alerts.kinds import AlertKind, Severity
from monitoring.alerts.models import Alert, Message, Notification, Recipient, Silence
from monitoring.alerts.routing import RouteFacts
from monitoring.audit.models import AuditEntry
from monitoring.replay.models import BackTest, State
from monitoring.replay.rehearsal_result import from_json
from monitoring.replay.rehearsal_words import mail_of
from monitoring.replay.rehearsals import KEPT, RehearsalRefusedError, rehearsal_stop
from monitoring.replay.stored import as_json
from tests.factories import NOW, make_organization
from tests.monitoring.alerts.makers import make_silence
from tests.monitoring.errors.makers import make_access, make_staff
from tests.monitoring.replay.makers import LOCKED, make_history, propose_unlock
from tests.monitoring.replay.rehearsal_makers import TODAY, ask, found, make_trouble, rehearse, told

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("at_now")]
HOUR = timedelta(hours=1)


@pytest.fixture
def admin(organization: Organization) -> str:
    address: str = organization.members.get().user.email
    return address


def test_it_lists_what_would_have_been_sent_to_whom_and_why(
    organization: Organization, access: Access, admin: str
) -> None:
    make_trouble(organization)
    result = found(access)
    assert told(result) == [(admin, "opened"), (admin, "reminder")]
    first = result.messages[0]
    assert first.subject == "1 person stopped syncing: The Salesforce user is deactivated (Acme)"
    assert first.routes == ("Owners and admins",)
    assert (result.messages_total, result.people) == (2, 3)
    assert result.since == TODAY - timedelta(days=1)
    assert result.until == NOW


def test_a_message_reads_as_it_would_have_and_none_of_its_links_does_anything(
    organization: Organization, access: Access
) -> None:
    person = make_trouble(organization)
    mail = mail_of(found(access).messages[0], organization)
    assert mail.subject.startswith("1 person stopped syncing")
    assert person.name in mail.text
    assert person.name in mail.html
    for text in (mail.text, mail.html):
        assert "/alerts/" in text
        assert "unsubscribe/" not in text
        assert "/a/" not in text
    assert "/unsubscribe" not in mail.headers.get("List-Unsubscribe", "")


def test_nothing_is_sent_or_stored_beside_the_result(
    organization: Organization, access: Access
) -> None:
    make_trouble(organization)
    rehearse(access)
    for model in (Message, Notification, Alert):
        assert not model.objects.exists()
    assert not Recipient.objects.exclude(told_at=None).exists()


def test_a_result_reads_back_as_it_was(organization: Organization, access: Access) -> None:
    make_trouble(organization)
    result = found(access)
    assert from_json(as_json(result)) == result


def test_only_what_falls_into_the_time_is_listed(
    organization: Organization, access: Access
) -> None:
    make_trouble(organization)
    result = found(access, starts_at=TODAY, days=1)
    assert [part.item.phase for each in result.messages for part in each.parts] == ["reminder"]


def test_a_silence_keeps_back_what_it_kept_then(
    organization: Organization, access: Access, admin: str
) -> None:
    person = make_trouble(organization)
    make_silence(organization, [person], now=NOW - 40 * HOUR, ends_at=NOW - 2 * HOUR)
    result = found(access)
    assert [(each.at > NOW - 3 * HOUR) for each in result.messages] == [True]
    assert [(each.reason, each.name) for each in result.kept] == [("silenced", admin)]


def test_a_silence_of_whoever_matches_counts_by_its_matcher(
    organization: Organization, access: Access
) -> None:
    person = make_trouble(organization)
    Person.objects.filter(pk=person.pk).update(team="Sales")
    silence = make_silence(organization, [], now=NOW - 40 * HOUR, ends_at=NOW + HOUR)
    Silence.objects.filter(pk=silence.pk).update(is_matcher=True, team="Sales", provider="google")
    assert found(access).messages_total == 2
    Silence.objects.filter(pk=silence.pk).update(provider="salesforce")
    assert found(access).messages_total == 0


def test_quiet_hours_put_it_off(organization: Organization, access: Access, admin: str) -> None:
    make_trouble(organization)
    found(access)
    Recipient.objects.filter(address=admin).update(quiet_from=time(0), quiet_until=time(23))
    assert all(each.at.hour == 23 for each in found(access).messages)


def test_who_acknowledged_then_is_not_reminded(
    organization: Organization, access: Access, admin: str
) -> None:
    make_trouble(organization)
    Alert.objects.create(
        organization=organization,
        kind=AlertKind.STALLED,
        cause="salesforce-user-inactive",
        severity=Severity.WARNING,
        people=1,
        began_at=NOW - 34 * HOUR,
        changed_at=NOW,
        acknowledged_at=NOW - 20 * HOUR,
    )
    assert told(found(access)) == [(admin, "opened")]


def make_fall(organization: Organization, **fields: Any) -> Alert:
    return Alert.objects.create(
        organization=organization,
        kind=AlertKind.COVERAGE,
        cause="coverage",
        severity=Severity.CRITICAL,
        most_people=12,
        facts={"share": 0.5, "before": 0.9, "syncing": 12, "connected": 24},
        began_at=NOW - 10 * HOUR,
        changed_at=NOW,
        ended_at=NOW - 5 * HOUR,
        **fields,
    )


def test_what_no_run_shows_is_told_as_it_was_found_then(
    organization: Organization, access: Access, admin: str
) -> None:
    make_fall(organization, people=12, silenced=4)
    assert told(found(access)) == [(admin, "opened"), (admin, "over")]


def test_what_silences_kept_back_then_is_kept_back(
    organization: Organization, access: Access, admin: str
) -> None:
    alert = make_fall(organization, people=12, silenced=12)
    result = found(access)
    assert (told(result), [each.reason for each in result.kept]) == ([], ["silenced"])
    recipient = Recipient.objects.get(address=admin)
    row = Notification.objects.create(
        alert=alert, recipient=recipient, phase="opened", at=NOW, muted="silenced"
    )
    assert told(found(access)) == []
    Notification.objects.filter(pk=row.pk).update(muted="")
    assert told(found(access)) == [(admin, "opened"), (admin, "over")], "silenced only later"


def test_other_routes_tell_others(organization: Organization, access: Access) -> None:
    make_trouble(organization)
    nobody = RouteFacts("Incidents only", kinds=frozenset({AlertKind.INCIDENT}))
    assert found(access, routes=[nobody]).messages == ()
    late = RouteFacts("Later", after=7_200)
    first, *_ = found(access, routes=[late]).messages
    at_once, *_ = found(access).messages
    assert first.at - at_once.at == 2 * HOUR
    assert first.routes == ("Later",)
    assert first.subject.startswith("Not acknowledged: ")


def test_recipients_of_others_are_no_ones_to_try(access: Access) -> None:
    stranger = Recipient.objects.create(
        organization=make_organization(), address="eve@globex.example", created_at=NOW
    )
    make_trouble(access.organization)
    route = RouteFacts("Chosen", audience="chosen", recipients=frozenset({stranger.pk}))
    assert found(access, routes=[route]).messages == ()


def test_a_changed_rule_sends_what_it_would_have(
    organization: Organization, access: Access, admin: str
) -> None:
    make_history(organization, None, None, LOCKED)
    assert found(access).messages == ()
    result = found(access, change=propose_unlock(access))
    assert told(result) == [(admin, "opened")]
    assert "A row is locked" in result.messages[0].subject
    assert result.version.endswith("with this change")


def test_support_staff_see_theirs_too_and_nobody_else_does(organization: Organization) -> None:
    staff, access = make_staff(organization), make_access(organization)
    run = rehearse(staff)
    assert list(BackTest.objects.rehearsals(staff)) == [run]
    assert list(BackTest.objects.rehearsals(access)) == []
    stranger = make_access()
    assert list(BackTest.objects.rehearsals(stranger)) == []


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({"days": 8}, "one to 7 days"),
        ({"days": 0}, "one to 7 days"),
        ({"starts_at": NOW}, "has begun"),
    ],
)
def test_what_cannot_be_played_is_refused(
    access: Access, wanted: dict[str, Any], said: str
) -> None:
    with pytest.raises(RehearsalRefusedError, match=said):
        ask(access, **wanted)
    assert not BackTest.objects.exists()


def test_one_at_a_time_is_played(access: Access) -> None:
    run = ask(access)
    with pytest.raises(RehearsalRefusedError, match="under way"):
        ask(access)
    stopped = rehearsal_stop(access=access, rehearsal=run, now=NOW)
    assert stopped.state == State.STOPPED
    assert rehearsal_stop(access=access, rehearsal=run, now=NOW).state == State.STOPPED
    ask(access)
    assert list(AuditEntry.objects.order_by("pk").values_list("action", flat=True)) == [
        "alerts.rehearse",
        "alerts.rehearse_stop",
        "alerts.rehearse",
    ]


def test_who_may_only_look_neither_asks_nor_stops(access: Access) -> None:
    run, viewer = ask(access), replace(access, role=Role.VIEWER)
    with pytest.raises(PermissionDenied):
        ask(viewer)
    with pytest.raises(PermissionDenied):
        rehearsal_stop(access=viewer, rehearsal=run, now=NOW)


def test_all_but_the_newest_are_forgotten(access: Access) -> None:
    for _ in range(KEPT + 1):
        rehearsal_stop(access=access, rehearsal=ask(access), now=NOW)
    ask(access)
    assert BackTest.objects.count() == KEPT
