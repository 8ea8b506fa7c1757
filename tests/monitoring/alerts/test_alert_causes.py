from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.alerts.alert_causes import TROUBLES, explained, span
from monitoring.alerts.kinds import AlertKind
from monitoring.alerts.number_words import percent
from monitoring.health.causes import CAUSES, Explanation

RULES = {"session-policy": Explanation("Session policy", "It refuses.", "Relax it.")}


@pytest.mark.parametrize("kind", [AlertKind.STALLED, AlertKind.REAUTHORIZE])
def test_what_stalls_people_has_the_words_of_its_rule_or_cause(kind: AlertKind) -> None:
    assert explained(kind, "session-policy", {}, RULES) == RULES["session-policy"]
    assert explained(kind, "silent", {}, RULES) == CAUSES["silent"]
    assert explained(kind, "taken-away", {}, RULES).title == "An error whose rule is gone"


def test_an_incident_has_the_words_of_its_rule_if_one_knows_its_error() -> None:
    known = explained("incident", "12", {"rule": "session-policy"}, RULES)
    assert known == RULES["session-policy"]
    assert explained("incident", "12", {"rule": None}, RULES) == CAUSES["unrecognised"]


CASES: list[tuple[str, str, dict[str, Any], str, str]] = [
    (
        "unrecognised",
        "unrecognised",
        {"share": 0.0833, "runs": 1_234, "unknown": 102, "errors": 2},
        "8.3 % of runs end in errors that no rule knows",
        "102 of 1,234 runs since the hour before ended in 2 kinds of errors",
    ),
    (
        "unrecognised",
        "unrecognised",
        {"share": 1, "runs": 5, "unknown": 5, "errors": 1, "text": "http 418", "had_it": 3},
        "100 % of runs end in errors that no rule knows",
        "nothing is held against anybody. The commonest, of 3 people: http 418",
    ),
    (
        "coverage",
        "coverage",
        {"share": 0.81, "before": 0.99, "syncing": 348, "connected": 430, "delayed": 70, "off": 12},
        "Only 81 % of people are syncing, 99 % were within the last day",
        "348 of 430 people are syncing; 70 delayed and 12 switched off by people.",
    ),
    (
        "rule_change",
        "9",
        {"rule": "session-policy", "what": "changed", "share": 0.23, "people": 430,
         "author": "Casey", "approved_by": "Bea"},
        "A rule was changed that moves many people: Session policy",
        "On past runs it moves 23 % of 430 people. Casey wrote it, Bea approved it.",
    ),
    (
        "rule_change",
        "9",
        {"rule": "gone", "what": "taken away", "share": None, "people": 0, "author": "Casey"},
        "A rule was taken away that moves many people",
        "Nobody tested on past runs what it would do. Casey wrote it.",
    ),
    (
        "service",
        "workers",
        {"queued": 1_234, "seconds": 900, "worker_seconds": None},
        "No worker is at work",
        "No worker has ever shown itself, and 1,234 jobs wait, the oldest for 15 min.",
    ),
    (
        "service",
        "workers",
        {"queued": 1, "seconds": 7_300, "worker_seconds": 7_400},
        "No worker is at work",
        "No worker has shown itself for 2 h, and 1 job waits, the oldest for 2 h.",
    ),
    (
        "service",
        "intake",
        {"everybody": True, "organizations": 0, "late": 4_000},
        "Too few results come in",
        "of the whole service",
    ),
    (
        "service",
        "intake",
        {"everybody": False, "organizations": 1, "late": 1},
        "Too few results come in",
        "of 1 organization are heard of than should be; nothing is heard of 1 person in time",
    ),
    (
        "service",
        "mail",
        {"waiting": 3, "given_up": 0, "said": "451 later"},
        "Mails do not go out",
        "The mail server said: 451 later",
    ),
    ("service", "tick", {"steps": "alerts", "seconds": 180}, "The clock of the service fails",
     "for 3 min these steps have failed: alerts."),
    ("service", "workers", {"queued": 0, "seconds": 900}, "No worker is at work",
     "and messages wait, the oldest for 15 min."),
    ("service", "queue", {"queued": 7, "seconds": 600}, "Work waits too long", "7 jobs wait"),
    (
        "service",
        "refusals",
        {"refused": 300, "taken": 700, "share": 0.3},
        "Many results of other engines are refused",
        "300 results were refused and 700 taken in since the hour before: 30 % of them.",
    ),
    ("service", "new-trouble", {}, "Something is wrong with the service", ""),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "cause", "facts", "title", "meaning"), CASES)
def test_everything_else_is_told_by_what_was_measured(
    kind: str, cause: str, facts: dict[str, Any], title: str, meaning: str
) -> None:
    words = explained(kind, cause, facts, RULES)
    assert words.title == title
    assert meaning in words.meaning
    assert words.next_step.endswith(".")


@pytest.mark.parametrize("cause", TROUBLES)
def test_what_was_not_measured_breaks_no_message(cause: str) -> None:
    assert explained("service", cause, {}, {}).title
    for kind in ("unrecognised", "coverage", "rule_change"):
        assert explained(kind, cause, {}, {}).title


@given(st.floats(0, 1))
def test_a_share_never_says_all_of_part_nor_none_of_some(share: float) -> None:
    said = percent(share)
    assert (said == "100 %") is (share == 1)
    assert (said == "0 %") is (share == 0)


@pytest.mark.parametrize(
    ("seconds", "said"), [(0, "0 min"), (3_599, "59 min"), (3_600, "1 h"), (90_000, "25 h")]
)
def test_a_span_is_said_in_its_largest_unit(seconds: int, said: str) -> None:
    assert span(seconds) == said


@pytest.mark.parametrize("here", [True, False])
def test_nobody_is_told_to_ask_for_a_sync_where_another_engine_is_silent(here: bool) -> None:
    known = explained("stalled", "silent", {"runs_here": here}, RULES)
    assert known == CAUSES["silent" if here else "silent_elsewhere"]
