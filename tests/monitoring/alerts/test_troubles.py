from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.alerts.troubles import (
    Cause,
    IntakeFacts,
    MailFacts,
    ServiceFacts,
    troubles,
)

MINUTE = 60.0
WELL = ServiceFacts(worker_age=5.0, mail=MailFacts(sent_age=30.0, sent=40))
ages = st.none() | st.floats(0, 10_000)
counts = st.integers(0, 2_000)
some_mail = st.builds(
    MailFacts,
    due_age=ages,
    work_age=ages,
    tried=counts,
    unreached=counts,
    tried_age=ages,
    sent_age=ages,
    sent=counts,
    given_up=counts,
)
some_facts = st.builds(
    ServiceFacts,
    failed_steps=st.sampled_from(["", "trends"]),
    failing_age=st.floats(0, 10_000),
    queued=counts,
    queue_age=ages,
    worker_age=ages,
    intake=st.builds(IntakeFacts, everybody=st.booleans(), organizations=counts),
    mail=some_mail,
    refused=counts,
    taken=counts,
)


def causes(facts: ServiceFacts, *known: str) -> list[str]:
    return [trouble.cause.value for trouble in troubles(facts, known)]


@given(some_facts)
def test_each_cause_is_told_once_and_what_is_told_does_not_flap(facts: ServiceFacts) -> None:
    found = causes(facts)
    assert len(found) == len(set(found))
    assert set(found) <= set(causes(facts, *found)), "what has begun does not end of the same facts"
    assert not {Cause.WORKERS, Cause.QUEUE} <= set(found)
    assert not {Cause.WORKERS, Cause.MAIL} <= set(found)


def test_nothing_is_wrong_with_a_service_that_works() -> None:
    assert causes(WELL) == []
    assert causes(ServiceFacts()) == [], "nor with one that has nothing to do"


@pytest.mark.parametrize(
    ("wrong", "cause"),
    [
        ({"intake": IntakeFacts(everybody=True)}, "intake"),
        ({"intake": IntakeFacts(organizations=2)}, "intake"),
        ({"failed_steps": "trends", "failing_age": 2 * MINUTE}, "tick"),
        ({"queue_age": 3 * MINUTE, "worker_age": 3 * MINUTE}, "workers"),
        ({"queue_age": 3 * MINUTE, "worker_age": None}, "workers"),
        ({"mail": MailFacts(work_age=3 * MINUTE), "worker_age": 9_000.0}, "workers"),
        ({"queue_age": 11 * MINUTE}, "queue"),
        ({"mail": MailFacts(tried=1, unreached=1, tried_age=16 * MINUTE)}, "mail"),
        ({"mail": MailFacts(tried=3, tried_age=16 * MINUTE)}, "mail"),
        ({"mail": MailFacts(due_age=16 * MINUTE)}, "mail"),
        ({"mail": MailFacts(sent_age=10.0, sent=4, given_up=5)}, "mail"),
        ({"refused": 100, "taken": 400}, "refusals"),
    ],
)
def test_each_trouble_has_a_cause(wrong: dict[str, object], cause: str) -> None:
    assert causes(replace(WELL, **wrong)) == [cause]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "passing",
    [
        {"failed_steps": "trends", "failing_age": MINUTE},
        {"queue_age": MINUTE, "worker_age": 9_000.0},
        {"queue_age": 9 * MINUTE},
        {"worker_age": 9_000.0},
        {"mail": MailFacts(tried=2, tried_age=9_000.0)},
        {"mail": MailFacts(tried=3, tried_age=9_000.0, sent_age=60.0, sent=1)},
        {"mail": MailFacts(sent=6, given_up=5, sent_age=60.0)},
        {"refused": 99},
        {"refused": 100, "taken": 401},
    ],
)
def test_what_passes_by_itself_is_no_trouble(passing: dict[str, object]) -> None:
    assert causes(replace(WELL, **passing)) == []  # type: ignore[arg-type]


def test_a_queue_is_well_again_only_when_it_is_short() -> None:
    slow = replace(WELL, queue_age=6 * MINUTE)
    assert causes(slow) == []
    assert causes(slow, "queue") == ["queue"]
    assert causes(replace(WELL, queue_age=4 * MINUTE), "queue") == []
