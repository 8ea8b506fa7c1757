from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial

import pytest
from django.db import OperationalError

from accounts.models import Organization
from monitoring.alerts import sources, telling
from monitoring.alerts import watch as watching
from monitoring.alerts.findings import Finding
from monitoring.alerts.kinds import AlertKind
from monitoring.alerts.models import Alert, Message, Notification
from monitoring.alerts.returning import Return
from monitoring.alerts.service import service_findings
from monitoring.alerts.told import Record
from monitoring.alerts.watch import alerts_step
from monitoring.jobs.beats import tick_beat
from monitoring.jobs.models import TickBeat
from monitoring.jobs.tick import TickReport, run_step
from tests.factories import make_user
from tests.monitoring.alerts.engine_makers import BROKEN, at, make_stalled, watch
from tests.monitoring.jobs.makers import database_now

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_sources")]


def failing(now: datetime) -> Iterable[Finding]:
    raise ValueError("this source is broken")


def going_away(now: datetime) -> Iterable[Finding]:
    raise OperationalError("the server closed the connection unexpectedly")


def test_a_database_that_goes_away_is_the_ticks_to_know(
    acme: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[datetime] = []

    def service(now: datetime) -> Iterable[Finding]:
        asked.append(now)
        return []

    gone = frozenset({AlertKind.STALLED}), going_away
    own = frozenset({AlertKind.SERVICE}), service
    monkeypatch.setattr(sources, "_sources", {"stalled": gone, "service": own})
    with pytest.raises(OperationalError):
        alerts_step(at(1))
    assert asked == [], "nothing more is tried"


def with_service(monkeypatch: pytest.MonkeyPatch, **others: sources.Source) -> None:
    """Have the service's own troubles found as well, and others from a source of their own."""
    kept = {name: sources._sources[name] for name in ("stalled",)}
    added = {name: (frozenset({AlertKind.COVERAGE}), source) for name, source in others.items()}
    service = frozenset({AlertKind.SERVICE}), service_findings
    monkeypatch.setattr(sources, "_sources", kept | added | {"service": service})


def ticks(first: datetime, number: int) -> None:
    """Let the tick look after alerts every half minute, and note what failed since the first."""
    for place in range(number):
        report = TickReport()
        now = first + place * timedelta(seconds=30)
        run_step(report, "alerts", partial(alerts_step, now))
        tick_beat(failed_steps=" ".join(report.failed_steps))
        TickBeat.objects.exclude(failing_since=None).update(
            failing_since=database_now() - (now - first)
        )


def test_support_hears_of_the_step_that_fails(
    acme: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_user(is_staff=True, email="casey@support.example")
    make_stalled(acme, 2)
    watch(1)
    with_service(monkeypatch)
    monkeypatch.setattr(watching, "alerts_tell", breaking_for_organizations)
    ticks(at(14), 40)
    alert = Alert.objects.get(kind="service", cause="tick")
    assert (alert.cause, alert.facts["steps"]) == ("tick", "alerts")
    told = Notification.objects.filter(alert=alert, message__isnull=False)
    assert {each.recipient.address for each in told} == {"casey@support.example"}
    assert not Message.objects.filter(recipient="ada@acme.example").exists()
    monkeypatch.undo()
    watch(40)
    assert Message.objects.filter(recipient="ada@acme.example").count() == 1, "nothing is lost"


def breaking_for_organizations(
    alerts: Sequence[Alert], record: Record, now: datetime, returns: Mapping[int, Return]
) -> int:
    if any(alert.organization_id for alert in alerts):
        raise ValueError("nobody can be told of this")
    return telling.alerts_tell(alerts, record, now, returns)


def test_support_hears_of_a_source_that_fails_while_the_others_are_told(
    acme: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_user(is_staff=True, email="casey@support.example")
    make_stalled(acme, 2)
    with_service(monkeypatch, coverage=failing)
    ticks(at(1), 40)
    told = Notification.objects.filter(message__isnull=False)
    assert set(told.values_list("alert__cause", "recipient__address")) >= {
        (BROKEN, "ada@acme.example"),
        ("tick", "casey@support.example"),
    }
