"""From what a pass reports to the outcome that is recorded. Pure."""

from __future__ import annotations

import traceback
from dataclasses import asdict
from datetime import datetime
from pathlib import PurePath
from typing import Any

from monitoring.intake.record import ReportedOutcome
from monitoring.jobs.claims import Claim
from syncing.providers.wire import own_error
from syncing.reports import PassCounts, PassReport, PassResult, RawError

OPERATION = "synccenter.job"


def outcome_of(
    claim: Claim, report: PassReport, *, started_at: datetime, finished_at: datetime
) -> ReportedOutcome:
    """Return the outcome of a claimed job from the report of its pass."""
    return ReportedOutcome(
        attempt_id=claim.attempt_id,
        organization_id=claim.organization_id,
        person_id=claim.person_id,
        trigger=claim.trigger,
        started_at=started_at,
        # The clock may have been set back meanwhile; an outcome never ends before it began.
        finished_at=max(started_at, finished_at),
        result=report.result.value,
        error=None if report.error is None else error_object(report.error),
        counts=asdict(report.counts),
    )


def error_object(error: RawError) -> dict[str, Any]:
    """Return the `error` object of design §6."""
    return {
        "provider": error.provider,
        "channel": error.channel,
        "status": error.status,
        "headers": dict(error.headers),
        "body": error.body,
        "operation": error.operation,
    }


def failed(name: str, text: str) -> PassReport:
    """Return a failure that came from no provider's response but from this service."""
    error = own_error("network", name, text, OPERATION)
    return PassReport(PassResult.FAILURE, error, PassCounts())


def deadline_passed(seconds: float) -> PassReport:
    text = f"the deadline of {seconds:g} s passed before the sync was complete"
    return failed("DeadlineReached", text)


def broken(error: BaseException) -> PassReport:
    """Return the failure for an exception the engine should have turned into a report: our bug.

    Its message stays out, because libraries put addresses and tokens there.
    """
    return failed("InternalError", describe(error))


def describe(error: BaseException) -> str:
    """Name an exception by types and place only: "KeyError from OSError in run.py:41"."""
    types = [type(error).__name__]
    cause = error.__cause__ or error.__context__
    while cause is not None and len(types) < 4:
        types.append(type(cause).__name__)
        cause = cause.__cause__ or cause.__context__
    frames = traceback.extract_tb(error.__traceback__)
    place = f" in {PurePath(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return " from ".join(types) + place
