"""What people asked of silences elsewhere, and were long without (wants W16, W17, W21 and W26)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from accounts.access import Access
from monitoring.alerts.matchers import Matcher
from monitoring.alerts.models import Alert, Message
from monitoring.alerts.mutes import active_silences, mutes
from monitoring.alerts.muting import silenced, silenced_of_incidents
from monitoring.alerts.outbox import mail_in
from monitoring.alerts.silences import silence_define, silence_end
from monitoring.audit.models import AuditEntry
from monitoring.health.models import Health
from monitoring.incidents.watch import incidents_find
from monitoring.outcomes.models import Outcome
from tests.factories import NOW, make_member, make_user
from tests.monitoring.alerts.engine_makers import (
    BROKEN,
    at,
    heal,
    make_stalled,
    only_alert,
    phases,
    sent,
    watch,
)
from tests.monitoring.alerts.engine_makers import mutes as kept_back
from tests.monitoring.alerts.makers import make_matcher, make_silence
from tests.monitoring.alerts.test_muting import make_incident
from tests.monitoring.errors.makers import make_access
from tests.monitoring.incidents.makers import MAINTENANCE, make_running_people, report

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture
def access() -> Access:
    made = make_access()
    make_member(made.organization, user=make_user(email="ada@acme.example"))
    return made


def test_w16_a_person_a_team_everybody_and_an_incident_are_muted_for_a_time(
    access: Access,
) -> None:
    """Each ends by itself, and each is in the audit log."""
    acme = access.organization
    ada, ben = make_stalled(acme, team="Sales")[0], make_stalled(acme)[0]
    both, end = [ada.pk, ben.pk], NOW + HOUR
    make_silence(acme, [ada], ends_at=end)
    assert silenced(both, NOW) == {ada.pk}
    assert silenced(both, end) == set()
    common = {"access": access, "reason": "Known work"}
    silence_define(**common, team="Sales", ends_at=end + HOUR, now=end)
    assert silenced(both, end) == {ada.pk}
    assert silenced(both, end + HOUR) == set()
    silence_define(**common, everybody=True, ends_at=end + 2 * HOUR, now=end + HOUR)
    assert silenced(both, end + HOUR) == {ada.pk, ben.pk}
    assert silenced(both, end + 2 * HOUR) == set()
    incident = make_incident(acme, [ada, ben])
    silence_define(**common, provider="salesforce", ends_at=NOW + 9 * HOUR, now=NOW + 8 * HOUR)
    assert silenced_of_incidents([incident.pk], NOW + 8 * HOUR) == {incident.pk: 2}
    assert silenced_of_incidents([incident.pk], NOW + 9 * HOUR) == {}
    assert AuditEntry.objects.filter(action="silence.define").count() == 3


def test_w17_in_a_maintenance_window_no_alert_goes_out_and_all_is_recorded(
    access: Access,
) -> None:
    """The window begins later; incidents are found in it as ever, and after it the rest is told."""
    acme = access.organization
    people = make_running_people(acme, 8)
    times = {"starts_at": NOW - HOUR / 2, "ends_at": NOW + 2 * HOUR}
    silence_define(access=access, provider="salesforce", reason="Upgrade", **times, now=NOW - HOUR)
    report(people, NOW, MAINTENANCE)
    (incident,) = incidents_find(now=NOW)
    incident.refresh_from_db()
    assert incident.people_hit == incident.hits.count() == 8
    assert Outcome.objects.filter(organization=acme, result="failure").count() == 8
    for minutes in (1, 20, 60, 119):
        watch(minutes)
    alert = Alert.objects.get(kind="incident")
    assert (alert.incident, alert.people, alert.silenced) == (incident, 8, 8)
    assert kept_back() == [("silenced", 8)]
    assert not Message.objects.exists()
    watch(121)
    assert phases() == [("opened", 8)]


def test_w21_the_beginning_is_suppressed_and_never_the_end_or_the_judging(access: Access) -> None:
    acme = access.organization
    people = make_stalled(acme, 3)
    watch(1)
    watch(15)
    sent(16)
    make_matcher(acme, cause=BROKEN, started_at=at(20), ends_at=at(600))
    before = list(Health.objects.order_by("pk").values())
    make_stalled(acme, 20, minutes=30)
    watch(60)
    assert only_alert().people == 23
    assert list(Health.objects.filter(person__in=people).order_by("pk").values()) == before
    assert phases() == [("opened", 3)]
    heal(list(acme.persons.all()))
    watch(120)
    watch(151)
    assert [phase for phase, _ in phases()] == ["opened", "over"]


def test_w26_how_many_are_muted_is_known_before_and_told_wherever_alerts_are(
    access: Access,
) -> None:
    """In each alert's mail too; and what has run out does not come back."""
    acme = access.organization
    make_stalled(acme, 6, team="Sales")
    make_stalled(acme, 6, cause="google-access-revoked")
    preview = mutes(access, Matcher(team="Sales"))
    assert (preview.people, preview.share) == (6, 0.5)
    end = NOW + 5 * HOUR
    silence_define(access=access, team="Sales", reason="A fair", ends_at=end, now=NOW)
    assert [each.people for each in active_silences(access, NOW)] == [6]
    watch(1)
    watch(15)
    mail = mail_in(Message.objects.get())
    for text in (mail.text, mail.html):
        assert "1 silence is in force, muting alerts about 6 people." in text
    for days in (1, 30, 400):
        assert active_silences(access, end + timedelta(days=days)) == []


def test_lifting_a_hold_or_healing_leaves_a_silence_and_the_other_way_round(
    access: Access,
) -> None:
    """Design, rule 7: a hold, a silence and a status are separate facts."""
    acme = access.organization
    (ada,) = make_stalled(acme)
    silence = make_matcher(acme, cause=BROKEN)
    heal([ada])
    assert silence.ended_at is None
    assert silence_end(access=access, silence=silence, now=at(1))
    assert Health.objects.get(person=ada).status == "healthy"
    assert not Alert.objects.exists()
