from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from monitoring.alerts.delivery import answer_to_call
from monitoring.alerts.kinds import AlertKind, Severity
from monitoring.alerts.models import Alert
from monitoring.alerts.service import service_findings
from monitoring.alerts.sources import Finding
from monitoring.incidents.models import Incident
from monitoring.intake.models import Rejection
from monitoring.jobs.beats import tick_beat, worker_beat
from monitoring.jobs.models import Lane, TickBeat, WorkerBeat
from tests.factories import make_organization
from tests.monitoring.alerts.makers import make_message
from tests.monitoring.jobs.makers import database_now, make_job

pytestmark = pytest.mark.django_db
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def found(now: datetime | None = None) -> dict[str, Finding]:
    findings = list(service_findings(now or timezone.now()))
    for finding in findings:
        assert (finding.kind, finding.organization_id) == (AlertKind.SERVICE, None)
        assert finding.severity == Severity.CRITICAL
    return {finding.cause: finding for finding in findings}


def worked(ago: timedelta = timedelta()) -> None:
    worker_beat(lane=Lane.SCHEDULE, in_flight=0)
    WorkerBeat.objects.update(at=database_now() - ago)


def waits(ago: timedelta, **overrides: Any) -> None:
    make_job(created_at=database_now() - ago, **overrides)


def test_a_service_that_has_nothing_to_do_is_well() -> None:
    assert found() == {}


def test_an_intake_in_trouble_is_told_with_its_incident() -> None:
    now = timezone.now()
    incident = Incident.objects.create(
        organization=make_organization(), kind="intake", provider="service", signature="-",
        began_at=now - HOUR, opened_at=now - HOUR, people_hit=40,
    )  # fmt: skip
    finding = found(now)["intake"]
    assert (finding.people, finding.incident_id) == (40, incident.pk)
    assert finding.began_at == now - HOUR
    assert finding.facts == {"everybody": False, "organizations": 1, "late": 40}
    Incident.objects.update(closed_at=now)
    assert found(now) == {}


def test_steps_that_fail_tick_after_tick_are_told_since_the_first() -> None:
    tick_beat(failed_steps="trends")
    assert found() == {}
    TickBeat.objects.update(failing_since=database_now() - 3 * MINUTE)
    tick_beat(failed_steps="trends errors")
    finding = found()["tick"]
    assert finding.facts["steps"] == "trends errors"
    assert finding.facts["seconds"] == pytest.approx(180, abs=5)
    tick_beat(failed_steps="")
    assert found() == {}
    assert TickBeat.objects.get().failing_since is None


def test_jobs_that_wait_while_nobody_works_are_told() -> None:
    waits(3 * MINUTE)
    worked(5 * MINUTE)
    finding = found()["workers"]
    assert finding.facts["queued"] == 1
    assert finding.facts["seconds"] == pytest.approx(180, abs=5)
    assert finding.facts["worker_seconds"] == pytest.approx(300, abs=5)
    worked()
    assert found() == {}


def test_messages_that_wait_while_nobody_works_are_told() -> None:
    make_message(now=timezone.now() - 3 * MINUTE)
    assert list(found()) == ["workers"]


def test_a_queue_that_does_not_drain_is_told() -> None:
    worked()
    waits(11 * MINUTE)
    assert list(found()) == ["queue"]


def test_jobs_whose_time_has_not_come_do_not_wait() -> None:
    worked()
    waits(HOUR, start_at=database_now() + MINUTE, lane=Lane.BULK)
    waits(HOUR, start_at=database_now() - MINUTE, lane=Lane.BULK)
    assert found() == {}


def test_a_mail_server_that_is_away_is_told_with_its_answer() -> None:
    worked()
    now = timezone.now()
    answer = answer_to_call(ConnectionRefusedError("Connection refused")).said
    make_message(now=now - 20 * MINUTE, attempts=4, answer=answer, next_try_at=now + MINUTE)
    finding = found(now)["mail"]
    assert finding.facts["said"] == answer
    assert finding.facts["waiting"] == 1
    make_message(now=now, state="sent", sent_at=now)
    assert found(now) == {}, "it is back"


def test_one_mailbox_that_takes_nothing_is_no_trouble_of_the_service() -> None:
    worked()
    now = timezone.now()
    make_message(now=now - HOUR, attempts=4, answer="452 Mailbox full", next_try_at=now + MINUTE)
    assert found(now) == {}


def test_mails_that_are_given_up_one_after_the_other_are_told() -> None:
    now = timezone.now()
    for _ in range(5):
        make_message(now=now, state="failed", ended_at=now)
    assert found(now)["mail"].facts["given_up"] == 5


def test_refused_outcomes_are_told_where_they_are_many() -> None:
    now = timezone.now()
    acme = make_organization()
    Rejection.objects.bulk_create(
        Rejection(organization=each, at=now, source="api", line=1, field="", reason="Bad.")
        for each in [acme] * 60 + [None] * 40
    )
    assert found(now)["refusals"].facts == {"refused": 100, "taken": 0, "share": 1.0}
    assert found(now + 3 * HOUR) == {}


def test_it_costs_a_handful_of_statements() -> None:
    Alert.objects.create(
        kind="service", cause="queue", severity=3, began_at=timezone.now(),
        changed_at=timezone.now(),
    )  # fmt: skip
    for _ in range(5):
        waits(11 * MINUTE)
        make_message(now=timezone.now() - HOUR)
    with CaptureQueriesContext(connection) as asked:
        assert list(found()) == ["workers"]
    assert len(asked) == 5
