"""Makers of deliveries for the intake's tests."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from monitoring.intake.record import ReportedOutcome, outcomes_record
from monitoring.outcomes.identifiers import attempt_id_at
from tests.factories import NOW


def make_line(person: Any, /, minutes: float = 0, **overrides: Any) -> dict[str, Any]:
    """Return an outcome as sent, of a run that ended `minutes` after NOW."""
    finished: datetime = NOW + timedelta(minutes=minutes)
    return {
        "attempt_id": str(attempt_id_at(finished)),
        "person": getattr(person, "email", person),
        "trigger": "schedule",
        "started_at": (finished - timedelta(seconds=3)).isoformat(),
        "finished_at": finished.isoformat(),
        "result": "success",
        "error": None,
        "counts": {"google": {"created": 1}, "skipped": 2},
    } | overrides


def make_error(**overrides: Any) -> dict[str, Any]:
    return {
        "provider": "google",
        "channel": "oauth-json",
        "status": 400,
        "headers": {"Content-Type": "application/json"},
        "body": json.dumps(
            {
                "error": "invalid_grant",
                "error_description": "Token has been expired or revoked.",
            }
        ),
        "operation": "token",
    } | overrides


def as_lines(*outcomes: dict[str, Any]) -> bytes:
    return b"\n".join(json.dumps(outcome).encode() for outcome in outcomes)


def as_array(*outcomes: dict[str, Any]) -> bytes:
    return json.dumps(outcomes).encode()


def record(outcomes: list[ReportedOutcome]) -> None:
    """Record outcomes as they ended, in a transaction of their own or of the caller's."""
    with transaction.atomic():
        outcomes_record(outcomes, now=max(outcome.finished_at for outcome in outcomes))
