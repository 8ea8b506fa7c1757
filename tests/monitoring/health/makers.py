"""Makers of the fold's inputs, for tests without a database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

from hypothesis import strategies as st

from monitoring.health.fold import JudgedOutcome, PolicyFacts, Runs, fold
from tests.factories import NOW

POLICY = PolicyFacts()
_serial = count(1)

INTERPRETATIONS = ("transient", "needs_user", "needs_admin", "record", "client_bug", "unknown")


def make_id(number: int | None = None) -> UUID:
    return UUID(int=(0x7 << 76) | (0x8 << 60) | (number or next(_serial)))


def outcome(minutes: float, result: str = "success", **overrides: Any) -> JudgedOutcome:
    """Return an outcome that ended `minutes` after NOW."""
    return JudgedOutcome(
        **{
            "attempt_id": make_id(),
            "finished_at": NOW + timedelta(minutes=minutes),
            "result": result,
        }
        | overrides
    )


def failure(
    minutes: float, interpretation: str = "transient", rule: str = "some-rule", **overrides: Any
) -> JudgedOutcome:
    return outcome(
        minutes, "failure", interpretation=interpretation, rule=rule, rules_version=1, **overrides
    )


def runs_after(outcomes: Sequence[JudgedOutcome], policy: PolicyFacts = POLICY) -> Runs:
    runs = Runs(awaiting_since=NOW - timedelta(days=30), expected_at=NOW)
    for each in outcomes:
        runs = fold(runs, each, policy)
    return runs


@st.composite
def outcomes_in_order(
    draw: st.DrawFn, max_size: int = 40, *, held: bool = False
) -> list[JudgedOutcome]:
    """Draw a person's outcomes, oldest first, no two at the same moment.

    With `held` some of the bad ones are explained by an incident.
    """
    gaps = draw(st.lists(st.integers(1, 30 * 3_600), max_size=max_size))
    moment = NOW - timedelta(days=40)
    drawn = []
    for number, gap in enumerate(gaps, start=1):
        moment += timedelta(seconds=gap)
        drawn.append(draw(judged_at(moment, number)))
        if held and drawn[-1].result != "success" and draw(st.booleans()):
            drawn[-1] = replace(drawn[-1], penalty_held=True, canary=draw(st.booleans()))
    return drawn


@st.composite
def judged_at(draw: st.DrawFn, moment: datetime, number: int) -> JudgedOutcome:
    result = draw(st.sampled_from(("success", "success", "partial", "failure", "failure", "lost")))
    told = result in {"partial", "failure"}
    interpretation = draw(st.sampled_from(INTERPRETATIONS)) if told else None
    return JudgedOutcome(
        attempt_id=make_id(number * 7919 % 65_537 + (number << 20)),
        finished_at=moment,
        result=result,
        interpretation=interpretation,
        rule=f"rule-{interpretation}" if told and interpretation != "unknown" else None,
        rules_version=1 if told else None,
        retry_after=draw(st.none() | st.integers(0, 10**7)) if told else None,
    )
