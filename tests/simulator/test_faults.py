from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.faults import Fault, FaultPlan, Subject, fault_from, in_share, matches
from simulator.ready_faults import READY_FAULTS, ready_fault
from tests.simulator.conftest import unhurried

AT = datetime(2026, 6, 1, 12, tzinfo=UTC)
SUBJECT = Subject("google", "google.events.list", "acme", "ada@acme.example", AT)


def fault(**values):
    return fault_from({"status": 500, **values})


@pytest.mark.parametrize(
    ("values", "hits"),
    [
        ({}, True),
        ({"operation": "google.events.list"}, True),
        ({"operation": "google.*"}, True),
        ({"operation": "google.events.[!l]*"}, False),
        ({"operation": "google.token"}, False),
        ({"provider": "google"}, True),
        ({"provider": "salesforce"}, False),
        ({"organization": "acme"}, True),
        ({"organization": "globex"}, False),
        ({"person": "Ada@Acme.example"}, True),
        ({"person": "ben@acme.example"}, False),
        ({"from": "2026-06-01T12:00:00Z"}, True),
        ({"from": "2026-06-01T12:00:01Z"}, False),
        ({"until": "2026-06-01T12:00:00Z"}, False),
        ({"until": "2026-06-01T14:00:01+02:00"}, True),
    ],
)
def test_every_condition_must_hold(values, hits):
    assert matches(fault(**values), SUBJECT) is hits


def test_a_fault_of_a_person_spares_requests_of_nobody_known():
    nobody = Subject("google", "google.token", None, None, AT)
    assert not matches(fault(person="ada@acme.example"), nobody)
    assert matches(fault(), nobody)


@pytest.mark.parametrize(
    "values",
    [
        {"status": None},
        {"status": 99},
        {"status": "500"},
        {"share": 1.5},
        {"share": -0.1},
        {"share_of": "cows"},
        {"count": -1},
        {"delay": -1},
        {"cut": -1},
        {"colour": "red"},
        {"edit": {"operation": "drop_tables"}},
        {"edit": {"arguments": {}}},
        {"from": "2026-06-01T12:00:00"},
        {"from": "tomorrow"},
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(values):
    with pytest.raises(ValueError, match=r"."):
        fault(**values)


@unhurried
@given(st.floats(0, 1), st.integers(0, 5), st.sampled_from(["requests", "people"]))
def test_a_share_is_the_same_every_time(share, seed, share_of):
    planned = fault(share=share, seed=seed, share_of=share_of)
    chosen = [[in_share(planned, f"p{n}", 1) for n in range(50)] for _ in range(2)]
    assert chosen[0] == chosen[1]


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 1.0])
def test_a_share_is_about_that_large(share):
    of_people = fault(share=share, share_of="people")
    assert sum(in_share(of_people, f"p{n}", 1) for n in range(2000)) == pytest.approx(
        2000 * share, abs=80
    )
    of_requests = fault(share=share)
    assert sum(in_share(of_requests, "ada", n) for n in range(2000)) == pytest.approx(
        2000 * share, abs=80
    )


def test_a_share_of_people_hits_the_same_people_always():
    planned = fault(share=0.5, share_of="people")
    for person in ("ada", "ben", "root"):
        assert len({in_share(planned, person, number) for number in range(50)}) == 1


def test_another_seed_chooses_otherwise():
    picks = [
        [in_share(fault(share=0.5, seed=seed), "ada", number) for number in range(64)]
        for seed in (1, 2)
    ]
    assert picks[0] != picks[1]


def test_a_count_ends_a_fault():
    plan = FaultPlan()
    plan.add(fault(count=2))
    assert [plan.choose(SUBJECT) is not None for _ in range(4)] == [True, True, False, False]
    assert plan.all()[0][1] == 2


def test_the_oldest_fault_that_fits_hits():
    plan = FaultPlan()
    plan.add(fault(id="late", **{"from": "2027-01-01T00:00:00Z"}))
    plan.add(fault(id="first", count=1))
    plan.add(fault(id="second"))
    assert [plan.choose(SUBJECT).id for _ in range(2)] == ["first", "second"]
    assert [hits for _, hits in plan.all()] == [0, 1, 1]


def test_faults_are_removed_singly_or_all():
    plan = FaultPlan()
    first, _ = plan.add(fault()), plan.add(fault())
    assert plan.remove(first) is True
    assert plan.remove(first) is False
    assert len(plan.all()) == 1
    plan.clear()
    assert plan.choose(SUBJECT) is None


def test_an_id_is_given_once():
    plan = FaultPlan()
    plan.add(fault(id="one"))
    with pytest.raises(ValueError, match="already"):
        plan.add(fault(id="one"))


@pytest.mark.parametrize("name", sorted(READY_FAULTS))
def test_every_ready_fault_is_a_fault(name):
    planned = ready_fault(name)
    assert planned.name == name
    if planned.body.startswith(("{", "[")):
        msgspec.json.decode(planned.body)


def test_a_ready_fault_takes_other_values():
    planned = ready_fault("salesforce-row-lock", {"share": 0.5, "organization": "acme"})
    assert isinstance(planned, Fault)
    assert (planned.share, planned.organization, planned.status) == (0.5, "acme", 400)
    with pytest.raises(ValueError, match="no ready fault"):
        ready_fault("nonsense")


def test_a_span_has_a_beginning_and_an_end():
    planned = fault(**{"from": AT.isoformat(), "until": (AT + timedelta(hours=1)).isoformat()})
    seen = [
        matches(planned, Subject("google", "google.token", None, None, AT + timedelta(minutes=m)))
        for m in (-1, 0, 59, 60)
    ]
    assert seen == [False, True, True, False]
