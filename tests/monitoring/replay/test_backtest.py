from __future__ import annotations

import json
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitoring.errors.facts import RawError
from monitoring.errors.interpretation import built_in_rules
from monitoring.replay.answers import BUSY, GRANT_REVOKED, MAINTENANCE, ROW_LOCKED
from monitoring.replay.backtest import TARGETS, BackTester, OtherVerdicts, Recorded, back_test
from monitoring.replay.findings import BackTestResult, OrganizationMoved, Shift, from_json, together
from monitoring.replay.stage import Stage
from monitoring.replay.stored import as_json
from tests.factories import NOW
from tests.monitoring.replay.makers import recorded, rules_with, runs_every

DAY = timedelta(days=1)
ERRORS = (ROW_LOCKED, GRANT_REVOKED, BUSY, MAINTENANCE)


def found(outcomes: list[Recorded], **options: Any) -> BackTestResult:
    candidate = options.pop("candidate", None) or rules_with()
    return back_test(outcomes, candidate, until=NOW + DAY, version="1.1", **options)


def history(errors: dict[int, RawError], people: int = 30) -> list[Recorded]:
    """A day of people's runs every two hours; some fail throughout, each with an error."""
    return [
        each
        for person in range(1, people + 1)
        for each in runs_every(2, person, errors.get(person))
    ]


# Each example plays days tick by tick, on either side.
few = settings(max_examples=40)


@st.composite
def histories(draw: st.DrawFn, people: int = 6) -> list[Recorded]:
    """Draw a few people's outcomes of a day or two: good, failed with some error, or lost."""
    drawn = []
    for person in range(1, draw(st.integers(1, people)) + 1):
        minute = draw(st.integers(0, 300))
        for place in range(draw(st.integers(0, 14))):
            minute += draw(st.integers(1, 400))
            result = draw(st.sampled_from(("success", "failure", "failure", "partial", "lost")))
            told = result in {"failure", "partial"}
            error = draw(st.sampled_from((None, *ERRORS))) if told else None
            drawn.append(recorded(person, minute + place / 100, result, error))
    return drawn


@few
@given(histories())
def test_under_the_same_rules_nothing_differs(outcomes: list[Recorded]) -> None:
    result = found(outcomes, candidate=built_in_rules())
    assert result.outcomes == len(outcomes)
    assert result.people == len({each.person_id for each in outcomes})
    assert (result.outcomes_changed, result.people_moved, result.people_reworded) == (0, 0, 0)
    assert (result.breakdown, result.moved, result.worst_hour) == ((), (), None)
    assert (result.alerts_dropped, result.alerts_added) == ((), ())


@few
@given(histories(), st.randoms(use_true_random=False))
def test_the_order_of_the_outcomes_does_not_matter(
    outcomes: list[Recorded], random: Random
) -> None:
    shuffled = list(outcomes)
    random.shuffle(shuffled)
    assert found(shuffled) == found(outcomes)


@few
@given(histories(people=2))
def test_the_other_side_is_what_a_stage_under_the_candidate_comes_to(
    outcomes: list[Recorded],
) -> None:
    """Following only those with another verdict loses nothing of anybody's health.

    Two people are too few for an incident, whose course verdicts may touch.
    """
    verdicts = OtherVerdicts(rules_with())
    tester, alone = BackTester(), Stage(targets=TARGETS)
    next_tick = None
    for each in sorted(outcomes, key=lambda each: each.outcome.order):
        other = each.outcome if each.error is None else verdicts.on(each.outcome, each.error)
        tester.take_both(each.person_id, each.outcome, other)
        now = other.finished_at
        next_tick = alone.pass_time(next_tick or now, now)
        alone.take(each.person_id, other)
    followed = tester.otherwise.people.known
    for person_id, known in alone.people.known.items():
        here = (followed.get(person_id) or tester.people.known[person_id]).facts
        assert (here.runs, here.standing) == (known.facts.runs, known.facts.standing)
    assert dict(tester.otherwise.stalled_alone()) == dict(alone.people.causes)


@few
@given(histories())
def test_a_result_is_plain_json_and_reads_back_as_it_was(outcomes: list[Recorded]) -> None:
    result = found(outcomes)
    assert from_json(json.loads(json.dumps(as_json(result)))) == result


@few
@given(histories())
def test_the_figures_fit_each_other(outcomes: list[Recorded]) -> None:
    result = found(outcomes)
    assert sum(shift.outcomes for shift in result.breakdown) == result.outcomes_changed
    assert result.people_moved + result.people_reworded <= result.people
    assert len(result.moved) == result.people_moved
    assert (result.worst_hour is None) == (result.people_moved == 0)
    for moved in result.moved:
        assert moved.seconds > 0
        assert all(span.until is None or span.since < span.until for span in moved.spans)
        assert all(
            earlier.until is not None and earlier.until <= later.since
            for earlier, later in zip(moved.spans, moved.spans[1:], strict=False)
        )


def test_a_temporary_error_that_becomes_a_persons_part_shows_whom_it_would_have_stalled() -> None:
    result = found(history({7: ROW_LOCKED}))
    assert result.outcomes_changed == 12
    (shift,) = result.breakdown
    assert (shift.from_class, shift.to_class, shift.to_rule) == (
        "transient",
        "needs_user",
        "row-to-unlock",
    )
    assert (shift.outcomes, shift.people) == (12, 1)
    (moved,) = result.moved
    (span,) = moved.spans
    # The second run of that class, two hours after the first, confirms it.
    assert (moved.person, span.until) == (7, None)
    assert timedelta(hours=2) <= span.since - NOW < timedelta(hours=2, minutes=1)
    assert (span.from_status, span.to_status, span.to_cause) == (
        "degraded",
        "stalled",
        "row-to-unlock",
    )
    assert moved.seconds == pytest.approx(22 * 3_600, abs=60)
    assert result.worst_hour is not None
    assert (result.worst_hour.start, result.worst_hour.people) == (NOW + timedelta(hours=2), 1)


def test_it_shows_the_alert_that_would_have_gone_out() -> None:
    result = found(history({7: ROW_LOCKED, 8: ROW_LOCKED}))
    assert result.alerts_dropped == ()
    (alert,) = result.alerts_added
    assert (alert.phase, alert.cause, alert.people) == ("opened", "row-to-unlock", 2)
    assert alert.at - alert.began == timedelta(minutes=15)
    assert (result.alerts_added_total, result.alerts_dropped_total) == (1, 0)


def test_a_persons_part_that_becomes_temporary_shows_the_alert_that_would_not() -> None:
    harmless = rules_with(**{"class": "transient", "who": "nobody", "codes": ["invalid_grant"]})
    result = found(history({3: GRANT_REVOKED}), candidate=harmless)
    assert (result.people_moved, result.alerts_added) == (1, ())
    (alert,) = result.alerts_dropped
    assert (alert.phase, alert.cause) == ("opened", "salesforce-access-revoked")
    (span,) = result.moved[0].spans
    assert (span.from_status, span.to_status) == ("stalled", "degraded")


def test_a_mass_failure_inside_an_incident_moves_nobody_and_sends_nothing() -> None:
    outcomes = history({})
    for person in range(1, 31):
        start = 25 * 60
        outcomes += [
            recorded(person, start + minutes + person / 10, "failure", ROW_LOCKED)
            for minutes in (0, 15, 30, 60)
        ]
        outcomes.append(recorded(person, start + 90 + person / 10))
    result = back_test(outcomes, rules_with(), until=NOW + 2 * DAY, version="1.1")
    assert (result.outcomes_changed, result.people_moved) == (120, 0)
    assert (result.alerts_added, result.alerts_dropped) == ((), ())


def test_another_name_for_the_same_thing_moves_nobody_but_is_counted() -> None:
    renamed = rules_with(**{"class": "transient", "who": "nobody"})
    result = found(history({7: ROW_LOCKED}), candidate=renamed)
    assert (result.outcomes_changed, result.people_moved, result.people_reworded) == (12, 0, 1)


def test_what_other_rules_have_changed_since_is_not_put_down_to_the_candidate() -> None:
    outcomes = history({7: ROW_LOCKED, 8: BUSY})
    in_force = rules_with()
    candidate = in_force.with_rules_above([], version=1_000_002)
    assert found(outcomes, candidate=candidate, in_force=in_force).outcomes_changed == 0
    assert found(outcomes, candidate=candidate).outcomes_changed == 12


def test_nobody_is_ever_disabled_on_either_side() -> None:
    result = found(history(dict(enumerate(ERRORS * 5, start=1))))
    statuses = {
        status
        for moved in result.moved
        for span in moved.spans
        for status in (span.from_status, span.to_status)
    }
    assert statuses <= {"healthy", "degraded", "stalled"}


def test_no_outcomes_are_nothing_to_test() -> None:
    result = found([])
    assert (result.outcomes, result.people, result.organizations[0].share) == (0, 0, 0.0)


def organization_result(number: int, moved: int, **overrides: Any) -> BackTestResult:
    shift = Shift("transient", "a-rule", "needs_user", "other-rule", moved, moved)
    one = OrganizationMoved(number, 100, moved, 10, moved)
    return BackTestResult(
        version="1.1",
        days=30,
        **{
            "outcomes": 100,
            "outcomes_changed": moved,
            "people": 10,
            "people_moved": moved,
            "breakdown": (shift,) if moved else (),
            "organizations": (one,),
        }
        | overrides,
    )


def test_several_organizations_are_added_up_and_the_most_moved_comes_first() -> None:
    both = together([organization_result(1, 2), organization_result(2, 5)])
    assert (both.outcomes, both.outcomes_changed, both.people, both.people_moved) == (200, 7, 20, 7)
    assert [one.organization for one in both.organizations] == [2, 1]
    assert [(shift.outcomes, shift.people) for shift in both.breakdown] == [(7, 7)]
    assert both.largest is not None
    assert both.largest.share == 0.5


def test_of_many_organizations_the_twenty_most_moved_are_kept() -> None:
    every = together([organization_result(number, number % 7) for number in range(1, 41)])
    assert len(every.organizations) == 20
    assert every.people_moved == sum(number % 7 for number in range(1, 41))
    assert every.organizations[0].people_moved == 6
