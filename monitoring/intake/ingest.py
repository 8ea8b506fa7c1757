"""The intake: deliveries of outcomes in, each outcome once, bad lines refused one by one."""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice

import msgspec
from django.db import transaction

from accounts.models import Organization
from monitoring.intake.models import Rejection
from monitoring.intake.people import PersonKey, key_of, people_found
from monitoring.intake.record import ReportedOutcome, outcomes_record
from monitoring.intake.schema import MAX_TEXT, OutcomeLine, Refusal, clean, read_line, storable

BATCH = 1_000
# Of one delivery no more refusals than this are kept for the console; all of them are reported.
KEPT_REFUSALS = 1_000

NumberedLine = tuple[int, "bytes | Refusal"]
Valid = tuple[int, OutcomeLine]


@dataclass(slots=True)
class IngestReport:
    """What became of a delivery's lines; each is in exactly one of the three."""

    accepted: int = 0
    duplicate: int = 0
    rejected: list[Refusal] = field(default_factory=list)


def outcomes_ingest(
    lines: Iterable[NumberedLine], *, organization: Organization | None, source: str, now: datetime
) -> IngestReport:
    """Record a delivery in transactions of a thousand lines; repeating one does no harm.

    `lines` are numbered bytes of one JSON object each, or what `schema.split` refused. With an
    `organization` every line speaks of its people; without, each names one by slug. `source` says
    in the console where refused lines came from.
    """
    report = IngestReport()
    numbered = iter(lines)
    while batch := list(islice(numbered, BATCH)):
        ingest_batch(batch, organization=organization, source=source, now=now, report=report)
    return report


def ingest_batch(
    batch: Sequence[NumberedLine],
    *,
    organization: Organization | None,
    source: str,
    now: datetime,
    report: IngestReport,
) -> None:
    """Record one batch in one transaction and add to the report once it is committed."""
    with collection_paused(), transaction.atomic():
        valid, refused = read_batch(batch, now)
        outcomes, unknown = attribute(valid, organization)
        refused = sorted([*refused, *unknown], key=lambda refusal: refusal.line)
        appended = outcomes_record(outcomes, now=now)
        room = max(0, KEPT_REFUSALS - len(report.rejected))
        keep(refused[:room], organization=organization, source=source, now=now)
    report.accepted += len(appended)
    report.duplicate += len(outcomes) - len(appended)
    report.rejected += refused


@contextmanager
def collection_paused() -> Iterator[None]:
    """Let no garbage be looked for: all that a batch makes lives to its end.

    Looking for it took two fifths of the intake's own time.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def read_batch(batch: Sequence[NumberedLine], now: datetime) -> tuple[list[Valid], list[Refusal]]:
    """Part a batch into outcomes of valid form and refusals."""
    valid: list[Valid] = []
    refused: list[Refusal] = []
    for number, line in batch:
        read = line if isinstance(line, Refusal) else read_line(number, line, now)
        if isinstance(read, Refusal):
            refused.append(read)
        else:
            valid.append((number, read))
    return valid, refused


def attribute(
    lines: Sequence[Valid], organization: Organization | None
) -> tuple[list[ReportedOutcome], list[Refusal]]:
    """Find the person of each line; refuse the lines that name nobody we know."""
    organizations = organizations_named(lines, organization)
    keys: dict[int, PersonKey] = {}
    refused: list[Refusal] = []
    for number, line in lines:
        slug = organization.slug if organization else line.organization
        organization_id = organizations.get(slug or "")
        if organization_id is None:
            reason = f"There is no organization {str(slug)[:MAX_TEXT]!r}."
            refused.append(Refusal(number, "organization", reason))
        else:
            keys[number] = key_of(line, organization_id)
    found = people_found(set(keys.values()))
    outcomes: list[ReportedOutcome] = []
    for number, line in lines:
        key = keys.get(number)
        if key is None:
            continue
        person = found.get(key)
        if person is not None:
            outcomes.append(reported(line, key[0], person))
        else:
            reason = f"There is no person {str(line.person)[:MAX_TEXT]!r} in this organization."
            refused.append(Refusal(number, "person", reason))
    return outcomes, refused


def organizations_named(
    lines: Sequence[Valid], organization: Organization | None
) -> dict[str, int]:
    """Return the ids of the organizations the lines speak of, by slug."""
    if organization is not None:
        return {organization.slug: organization.pk}
    slugs = {line.organization.replace("\x00", "") for _, line in lines if line.organization}
    return dict(Organization.objects.filter(slug__in=slugs).values_list("slug", "id"))


def reported(line: OutcomeLine, organization_id: int, person_id: int) -> ReportedOutcome:
    return ReportedOutcome(
        line.attempt_id,
        organization_id,
        person_id,
        line.trigger,
        line.started_at,
        line.finished_at,
        line.result,
        None if line.error is None else storable(line.error),
        None if line.counts is None else msgspec.to_builtins(line.counts),
    )


def keep(
    refused: Sequence[Refusal], *, organization: Organization | None, source: str, now: datetime
) -> None:
    """Store refusals for the console."""
    Rejection.objects.bulk_create(
        Rejection(
            organization=organization,
            at=now,
            source=clean(source, 100),
            line=refusal.line,
            field=refusal.field[:60],
            reason=clean(refusal.reason, 300),
        )
        for refusal in refused
    )
