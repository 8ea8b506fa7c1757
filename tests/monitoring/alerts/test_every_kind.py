"""Each kind of alert goes the whole way, from what is found to a mail that was sent."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from monitoring.alerts import sources
from monitoring.alerts.findings import Finding
from monitoring.alerts.kinds import AlertKind, Severity
from monitoring.alerts.models import Alert, Message
from monitoring.alerts.sending import messages_work
from monitoring.alerts.watch import alerts_watch
from monitoring.incidents.models import Incident
from monitoring.incidents.watch import incidents_find
from tests.factories import make_member, make_organization, make_user
from tests.monitoring.alerts.post import Post
from tests.monitoring.incidents.makers import (
    INACTIVE,
    MAINTENANCE,
    REVOKED,
    make_running_people,
    report,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_sources")]
ADA = "ada@acme.example"
SAM = "sam@service.example"


def found(kind: AlertKind, **overrides: Any) -> Finding:
    return Finding(
        **{
            "kind": kind,
            "organization_id": None,
            "cause": "",
            "severity": Severity.WARNING,
            "people": 12,
            "weight": 12,
        }
        | overrides
    )


FOUND = {
    AlertKind.STALLED: found(AlertKind.STALLED, cause="silent"),
    AlertKind.REAUTHORIZE: found(AlertKind.REAUTHORIZE, cause="google-access-revoked"),
    AlertKind.INCIDENT: found(AlertKind.INCIDENT, severity=Severity.CRITICAL),
    AlertKind.UNRECOGNISED: found(
        AlertKind.UNRECOGNISED, facts={"errors": 3, "unknown": 40, "runs": 100, "share": 0.4}
    ),
    AlertKind.COVERAGE: found(
        AlertKind.COVERAGE, facts={"share": 0.7, "before": 0.99, "syncing": 70, "connected": 100}
    ),
    AlertKind.SERVICE: found(AlertKind.SERVICE, cause="queue", severity=Severity.CRITICAL),
    AlertKind.RULE_CHANGE: found(
        AlertKind.RULE_CHANGE, facts={"rule": "own-rule", "share": 0.3, "people": 30}
    ),
}


def tell_of(finding: Finding, post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have it found from twenty minutes ago until now, by the clock on the wall, and send."""
    source = (frozenset({finding.kind}), lambda now: [finding])
    monkeypatch.setattr(sources, "_sources", {"test": source})
    for minutes in (20, 0):
        alerts_watch(timezone.now() - timedelta(minutes=minutes))
    messages_work()


@pytest.mark.parametrize("kind", list(AlertKind))
def test_each_kind_is_mailed_to_who_hears_of_it(
    post: Post, monkeypatch: pytest.MonkeyPatch, kind: AlertKind
) -> None:
    acme = make_organization(name="Acme")
    make_member(acme, user=make_user(email=ADA))
    make_user(is_staff=True, email=SAM)
    finding = FOUND[kind]
    if kind == AlertKind.INCIDENT:
        incident = Incident.objects.create(
            organization=acme, provider="salesforce", signature="salesforce - x",
            began_at=timezone.now(), opened_at=timezone.now(), people_hit=12,
        )  # fmt: skip
        finding = replace(finding, cause=str(incident.pk), incident_id=incident.pk)
    if kind != AlertKind.SERVICE:
        finding = replace(finding, organization_id=acme.pk)
    tell_of(finding, post, monkeypatch)
    of_support = {AlertKind.SERVICE: {SAM}, AlertKind.INCIDENT: {ADA, SAM}}
    heard = of_support.get(kind, {ADA})
    assert set(post.recipients) == heard
    assert set(Message.objects.values_list("state", flat=True)) == {"sent"}
    assert Alert.objects.get().notifications.count() == len(heard)


def test_a_rule_of_the_operator_is_mailed_to_support_alone(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_member(make_organization(name="Acme"), user=make_user(email=ADA))
    make_user(is_staff=True, email=SAM)
    tell_of(FOUND[AlertKind.RULE_CHANGE], post, monkeypatch)
    assert post.recipients == [SAM]


@pytest.mark.parametrize(
    ("error", "kind"), [(INACTIVE, AlertKind.STALLED), (REVOKED, AlertKind.REAUTHORIZE)]
)
def test_outcomes_of_somebody_who_stalls_become_a_mail(
    post: Post, error: dict[str, Any], kind: AlertKind
) -> None:
    acme = make_organization(name="Acme")
    make_member(acme, user=make_user(email=ADA))
    now = timezone.now()
    (person, *_) = make_running_people(acme, 3)
    for minutes in (40, 30):
        report([person], now - timedelta(minutes=minutes), error)
    alerts_watch(now)
    messages_work()
    assert Alert.objects.get().kind == kind
    assert post.recipients == [ADA]
    assert "Acme" in post.mails[0]["Subject"]


def test_outcomes_of_many_who_fail_together_become_a_mail(post: Post) -> None:
    acme = make_organization(name="Acme")
    make_member(acme, user=make_user(email=ADA))
    now = timezone.now()
    report(make_running_people(acme, 30), now - timedelta(minutes=16), MAINTENANCE)
    incidents_find(now=now - timedelta(minutes=15))
    alerts_watch(now)
    messages_work()
    assert Alert.objects.get().kind == AlertKind.INCIDENT
    assert post.recipients == [ADA]
