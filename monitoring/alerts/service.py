"""The service's own troubles as alerts: support staff hear of them (`monitoring.alerts.troubles`).

All that is asked is how the queue stands, one row an open incident of the intake, the mails of the
last hour up to a few hundred, and which organizations had outcomes refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from monitoring.alerts.delivery import NOT_REACHED
from monitoring.alerts.kinds import AlertKind, Severity
from monitoring.alerts.models import Alert, Channel
from monitoring.alerts.sources import Finding
from monitoring.alerts.troubles import IntakeFacts, MailFacts, ServiceFacts, Trouble, troubles
from monitoring.incidents.models import Incident, Kind
from monitoring.jobs.models import Lane

# The latest mails, which tell whether they go out; the number never makes a difference.
LATEST = 500
# A count is exact up to here.
COUNTED = 1_000

# Jobs wait from when they may be claimed. By the database's clock, as leases and beats are.
WORK = """
    SELECT
        (SELECT failed_steps FROM jobs_tickbeat),
        (SELECT extract(epoch FROM now() - failing_since)::float8 FROM jobs_tickbeat),
        (SELECT count(*) FROM (SELECT FROM jobs_job WHERE state = 0 LIMIT %(counted)s) AS queued),
        (
            SELECT extract(epoch FROM now() - min(oldest.since))::float8
            FROM unnest(%(lanes)s::smallint[]) AS lanes (lane), LATERAL (
                SELECT greatest(created_at, start_at) AS since FROM jobs_job
                WHERE state = 0 AND jobs_job.lane = lanes.lane
                    AND (start_at IS NULL OR start_at <= now())
                ORDER BY id LIMIT 1
            ) AS oldest
        ),
        (SELECT extract(epoch FROM now() - max(at))::float8 FROM jobs_workerbeat)
"""
MAILS = """
    WITH due AS (
        SELECT due.* FROM unnest(%(channels)s::text[]) AS channels (channel), LATERAL (
            SELECT channel, next_try_at, created_at, attempts, answer FROM alerts_message
            WHERE state = 'queued' AND channel = channels.channel
            ORDER BY next_try_at LIMIT %(counted)s
        ) AS due
    ), latest AS (
        (SELECT state, sent_at AS at FROM alerts_message
            WHERE channel = 'mail' AND state = 'sent' AND sent_at > %(hour)s
            ORDER BY sent_at DESC LIMIT %(latest)s)
        UNION ALL
        (SELECT state, ended_at FROM alerts_message
            WHERE channel = 'mail' AND state = 'failed' AND ended_at > %(hour)s
            ORDER BY ended_at DESC LIMIT %(latest)s)
        ORDER BY at DESC LIMIT %(latest)s
    )
    SELECT
        (SELECT min(next_try_at) FROM due WHERE channel = 'mail'),
        (SELECT min(next_try_at) FROM due),
        (SELECT count(*) FROM due WHERE channel = 'mail' AND attempts > 0),
        (SELECT count(*) FROM due WHERE channel = 'mail' AND attempts > 0 AND answer LIKE %(away)s),
        (SELECT min(created_at) FROM due WHERE channel = 'mail' AND attempts > 0),
        (SELECT max(sent_at) FROM alerts_message WHERE channel = 'mail' AND state = 'sent'),
        (SELECT count(*) FROM latest WHERE state = 'sent'),
        (SELECT count(*) FROM latest WHERE state = 'failed'),
        coalesce(
            (SELECT answer FROM due WHERE channel = 'mail' AND attempts > 0 ORDER BY created_at
                LIMIT 1), '')
"""
REFUSED = """
    SELECT (
        SELECT count(*) FROM (
            SELECT FROM intake_rejection
            WHERE organization_id IS NULL AND at >= %(since)s LIMIT %(counted)s
        ) AS of_nobody
    ) + (
        SELECT coalesce(sum(refused), 0) FROM accounts_organization AS organization, LATERAL (
            SELECT count(*) AS refused FROM (
                SELECT FROM intake_rejection
                WHERE organization_id = organization.id AND at >= %(since)s LIMIT %(counted)s
            ) AS of_one
        ) AS of_each
    )
"""
TAKEN = """
    SELECT coalesce(sum(outcomes), 0)::int8 FROM (
        SELECT outcomes FROM intake_classhour WHERE hour >= %(since)s
        UNION ALL
        SELECT outcomes FROM intake_classhourchange WHERE hour >= %(since)s
    ) AS counted
"""


def service_findings(now: datetime) -> Iterator[Finding]:
    """The source of alerts about the service; they belong to no organization."""
    facts = service_facts(now)
    is_open = Alert.objects.open().filter(kind=AlertKind.SERVICE, organization=None)
    known = set(is_open.values_list("cause", flat=True))
    for trouble in troubles(facts, known):
        yield finding_of(trouble, now)


def finding_of(trouble: Trouble, now: datetime) -> Finding:
    return Finding(
        kind=AlertKind.SERVICE,
        organization_id=None,
        cause=trouble.cause.value,
        severity=Severity.CRITICAL,
        people=trouble.people,
        began_at=now - timedelta(seconds=trouble.age),
        incident_id=trouble.incident,
        facts=trouble.facts,
    )


def service_facts(now: datetime) -> ServiceFacts:
    """Measure the service, in a handful of short statements."""
    with connection.cursor() as cursor:
        lanes = [lane.value for lane in Lane]
        cursor.execute(WORK, {"lanes": lanes, "counted": COUNTED})
        failed_steps, failing, queued, queue_age, worker_age = cursor.fetchone()
    since = now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=1)
    return ServiceFacts(
        failed_steps=failed_steps or "",
        failing_age=failing or 0.0,
        queued=queued,
        queue_age=queue_age,
        worker_age=worker_age,
        intake=intake_facts(now),
        mail=mail_facts(now),
        refused=(refused := number(REFUSED, since)),
        taken=number(TAKEN, since) if refused else 0,
    )


def intake_facts(now: datetime) -> IntakeFacts:
    incidents = list(Incident.objects.open().filter(kind=Kind.INTAKE).order_by("began_at", "id"))
    whole = next((each for each in incidents if each.organization_id is None), None)
    alone = incidents[0] if len(incidents) == 1 else None
    told = whole or alone
    return IntakeFacts(
        everybody=whole is not None,
        organizations=sum(each.organization_id is not None for each in incidents),
        late=sum(each.people_hit for each in incidents),
        age=(now - incidents[0].began_at).total_seconds() if incidents else 0.0,
        incident=told.pk if told else None,
    )


def mail_facts(now: datetime) -> MailFacts:
    values: dict[str, Any] = {
        "channels": [channel.value for channel in Channel],
        "counted": COUNTED,
        "latest": LATEST,
        "hour": now - timedelta(hours=1),
        "away": f"{NOT_REACHED}%",
    }
    with connection.cursor() as cursor:
        cursor.execute(MAILS, values)
        due, work, tried, unreached, tried_at, sent_at, sent, given_up, said = cursor.fetchone()
    return MailFacts(
        due_age=age(due, now),
        work_age=age(work, now),
        tried=tried,
        unreached=unreached,
        tried_age=age(tried_at, now),
        sent_age=age(sent_at, now),
        sent=sent,
        given_up=given_up,
        said=said,
    )


def age(moment: datetime | None, now: datetime) -> float | None:
    return None if moment is None else (now - moment).total_seconds()


def number(statement: str, since: datetime) -> int:
    values: dict[str, Any] = {"since": since, "counted": COUNTED}
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return int(cursor.fetchone()[0])
