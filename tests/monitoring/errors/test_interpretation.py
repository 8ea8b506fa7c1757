from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.errors.facts import RawError, extract_facts
from monitoring.errors.interpretation import (
    Interpretation,
    Interpreter,
    RuleSet,
    Who,
    built_in_rules,
    interpret,
)
from monitoring.errors.rules import rules_from
from tests.monitoring.errors.samples import (
    json_samples,
    raw_of,
    samples,
    wrapped,
    written_anew,
)

ASKS_A_HUMAN = {Interpretation.NEEDS_USER, Interpretation.NEEDS_ADMIN}
TRANSIENT = [sample for sample in samples() if sample["truth"] == "transient"]
LOCKED = json.dumps(
    [{"errorCode": "UNABLE_TO_LOCK_ROW", "message": "unable to obtain exclusive access"}]
)


def rule(**fields: Any) -> dict[str, Any]:
    return {
        "id": "ours",
        "class": "record",
        "title": "Ours",
        "meaning": "It is ours.",
        "next_step": "Leave it.",
        "who": "nobody",
        "codes": ["UNABLE_TO_LOCK_ROW"],
    } | fields


def locked(**fields: Any) -> RawError:
    values: dict[str, Any] = {
        "provider": "salesforce",
        "channel": "http-json",
        "status": 400,
        "headers": {},
        "body": LOCKED,
    }
    return RawError(**(values | fields))


def trigger_error(cause: str) -> str:
    message = (
        "EventTrigger: execution of AfterInsert caused by: System.DmlException: Update failed. "
        f"First exception on row 0; first error: {cause}: []"
    )
    return json.dumps([{"errorCode": "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "message": message}])


@pytest.mark.parametrize("sample", json_samples(), ids=lambda sample: sample["id"])
def test_the_verdict_does_not_hang_on_white_space_or_wrapping(sample: dict[str, Any]) -> None:
    plain = interpret(raw_of(sample), built_in_rules())

    for raw in (*written_anew(sample), *wrapped(sample)):
        verdict = interpret(raw, built_in_rules())
        assert (verdict.interpretation, verdict.rule_id) == (
            plain.interpretation,
            plain.rule_id,
        ), raw.body


@pytest.mark.parametrize("sample", TRANSIENT, ids=lambda sample: sample["id"])
def test_cutting_a_transient_error_never_blames_a_human(sample: dict[str, Any]) -> None:
    for raw in cuts(sample):
        found = built_in_rules().match(extract_facts(raw))
        assert found is None or found.interpretation not in ASKS_A_HUMAN, raw.body


def cuts(sample: dict[str, Any]) -> Iterator[RawError]:
    """Yield the error cut at each place, with its status and, as some clients do, without."""
    for length in range(len(sample["body"])):
        yield raw_of(sample, body=sample["body"][:length])
        yield raw_of(sample, body=sample["body"][:length], status=None)


@given(sample=st.sampled_from(TRANSIENT), cut=st.integers(0, 500), where=st.integers(0, 2))
def test_cutting_a_wrapped_transient_error_never_blames_a_human(
    sample: dict[str, Any], cut: int, where: int
) -> None:
    before, after = [("", ""), ("acme.Error: call failed: ", ""), ("[job 7] ", " (attempt 2)")][
        where
    ]
    text = f"{before}{sample['body']}{after}"[: max(0, len(sample["body"]) - cut)]

    verdict = interpret(raw_of(sample, body=text, channel="exception-text"), built_in_rules())

    assert verdict.interpretation not in ASKS_A_HUMAN


@given(
    body=st.text(max_size=300),
    provider=st.sampled_from(["google", "salesforce", "network", "other", ""]),
    channel=st.text(max_size=12),
    status=st.none() | st.integers(-1, 700),
)
def test_any_error_gets_one_and_the_same_verdict(
    body: str, provider: str, channel: str, status: int | None
) -> None:
    raw = RawError(provider, channel, status, {}, body)

    verdict = interpret(raw, built_in_rules())

    assert verdict == interpret(raw, built_in_rules())
    assert verdict.title
    assert verdict.next_step


def test_facts_and_raw_error_give_the_same_verdict() -> None:
    raw = locked()

    assert interpret(extract_facts(raw), built_in_rules()) == interpret(raw, built_in_rules())


def test_what_no_rule_knows_is_unknown_and_asks_nobody() -> None:
    verdict = interpret(locked(body="Kernel panic in aisle four"), built_in_rules())

    assert verdict.interpretation is Interpretation.UNKNOWN
    assert verdict.rule_id is None
    assert verdict.who is Who.NOBODY


def test_a_verdict_tells_wait_and_version() -> None:
    verdict = interpret(locked(headers={"Retry-After": "90"}), built_in_rules())

    assert verdict.retry_after == 90
    assert verdict.rules_version == built_in_rules().version


@pytest.mark.parametrize(
    ("cause", "interpretation"),
    [
        ("UNABLE_TO_LOCK_ROW, unable to obtain exclusive access", "transient"),
        ("REQUEST_RUNNING_TOO_LONG, Your request was running for too long", "transient"),
        ("FIELD_CUSTOM_VALIDATION_EXCEPTION, Phone is needed", "record"),
        ("STORAGE_LIMIT_EXCEEDED, storage limit exceeded", "needs_admin"),
        ("UNKNOWN_EXCEPTION, invalid parameter value", "needs_admin"),
        ("SOME_CODE_OF_TOMORROW, who knows", "needs_admin"),
    ],
)
def test_the_innermost_known_cause_decides(cause: str, interpretation: str) -> None:
    verdict = interpret(locked(body=trigger_error(cause)), built_in_rules())

    assert verdict.interpretation == interpretation


def test_a_transient_cause_wins_through_several_wrappings() -> None:
    body = trigger_error(
        "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY, Other: execution of BeforeUpdate caused by: "
        "System.DmlException: Update failed. First exception on row 0; first error: "
        "UNABLE_TO_LOCK_ROW, unable to obtain exclusive access"
    )

    assert interpret(locked(body=body), built_in_rules()).rule_id == "salesforce-record-busy"


def test_the_deepest_of_several_named_causes_decides() -> None:
    message = (
        "We can't save this record because the process failed. CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"
        ": Other: execution of BeforeUpdate caused by: System.DmlException: Update failed. First "
        "exception on row 0; first error: STRING_TOO_LONG, Subject"
    )
    body = json.dumps([{"errorCode": "CANNOT_EXECUTE_FLOW_TRIGGER", "message": message}])

    assert interpret(locked(body=body), built_in_rules()).rule_id == "salesforce-record-refused"


def test_a_trigger_error_cut_before_its_cause_blames_nobody() -> None:
    body = trigger_error("UNABLE_TO_LOCK_ROW, unable to obtain exclusive access")

    verdicts = [
        interpret(locked(body=body[:length]), built_in_rules()) for length in range(len(body))
    ]

    assert not ASKS_A_HUMAN & {verdict.interpretation for verdict in verdicts}


def test_rules_above_win_and_the_others_stay() -> None:
    base = built_in_rules()
    above = base.with_rules_above(rules_from([rule()]), version=base.version + 1)

    assert interpret(locked(), above).rule_id == "ours"
    assert interpret(locked(), above).rules_version == base.version + 1
    assert interpret(locked(), base).rule_id == "salesforce-record-busy"
    assert len(above.rules) == len(base.rules) + 1


def test_a_rule_above_with_the_id_of_another_replaces_it() -> None:
    base = built_in_rules()
    above = base.with_rules_above(
        rules_from([rule(id="salesforce-record-busy", codes=["NOTHING_ELSE"])]), version=2
    )

    assert len(above.rules) == len(base.rules)
    assert interpret(locked(body='[{"errorCode": "NOTHING_ELSE"}]'), above).rule_id == (
        "salesforce-record-busy"
    )


@pytest.mark.parametrize(
    ("conditions", "holds"),
    [
        ({"codes": ["unable_to_lock_row"]}, True),
        ({"statuses": [400, "5xx"]}, True),
        ({"statuses": ["5xx"]}, False),
        ({"channels": ["html"]}, False),
        ({"providers": ["google"], "statuses": [400]}, False),
        ({"subcodes": ["SOMETHING"]}, False),
        ({"operations": ["events."]}, True),
        ({"operations": ["calendars."]}, False),
        ({"says": ["obtain exclusive access"]}, True),
        ({"says": ["unable to * access"]}, True),
        ({"says": ["access to * unable"]}, False),
        ({"says": ["obtain exclusive acc"]}, False),
        ({"patterns": ["exclusive [a-z]+s"]}, True),
        ({"patterns": ["^exclusive"]}, False),
        ({"whole": True, "statuses": [400]}, True),
        ({"whole": True, "codes": ["UNABLE_TO_LOCK_ROW"]}, True),
        ({"codes": ["UNABLE_TO_LOCK_ROW"], "says": ["nonsense"]}, False),
        ({"says": ["nonsense"], "also": [{"statuses": [400]}]}, True),
    ],
)
def test_all_given_conditions_must_hold(conditions: dict[str, Any], holds: bool) -> None:
    fields = {name: value for name, value in rule().items() if name != "codes"}
    rules = RuleSet(rules_from([fields | conditions]), version=1)

    verdict = interpret(locked(operation="events.patch"), rules)

    assert (verdict.rule_id == "ours") is holds


def test_the_first_rule_that_holds_wins() -> None:
    entries = [rule(id="first", codes=["NOT_THIS"]), rule(id="second"), rule(id="third")]

    assert interpret(locked(), RuleSet(rules_from(entries), version=1)).rule_id == "second"


def test_a_missing_event_is_one_record_and_a_missing_calendar_is_not() -> None:
    missing = {"provider": "google", "status": 404, "body": '{"error": {"message": "Not Found"}}'}
    event = interpret(locked(**missing, operation="events.patch"), built_in_rules())
    calendar = interpret(locked(**missing, operation="events.list"), built_in_rules())

    assert event.interpretation is Interpretation.RECORD
    assert calendar.interpretation is Interpretation.TRANSIENT


@given(st.lists(st.sampled_from(samples()), max_size=60))
def test_a_remembered_verdict_is_the_verdict(errors: list[dict[str, Any]]) -> None:
    interpreter = Interpreter(built_in_rules(), size=8)

    for sample in errors:
        raw = raw_of(sample)
        assert interpreter.interpret(raw) == interpret(raw, built_in_rules())


def test_an_interpreter_judges_an_equal_error_once(monkeypatch: pytest.MonkeyPatch) -> None:
    judged: list[RawError] = []

    def count(raw: RawError, rules: RuleSet) -> Any:
        judged.append(raw)
        return interpret(raw, rules)

    monkeypatch.setattr("monitoring.errors.interpretation.interpret", count)
    interpreter = Interpreter(built_in_rules(), size=2)
    first, second, third = (locked(status=status) for status in (400, 401, 402))
    for raw in (first, second, first, third, first, second):
        interpreter.interpret(raw)

    assert judged == [first, second, third, second]


def test_an_interpreter_tells_waits_apart() -> None:
    interpreter = Interpreter(built_in_rules())

    waits = [interpreter.interpret(locked(headers=h)).retry_after for h in ({}, wait(5), wait(6))]

    assert waits == [None, 5, 6]


def wait(seconds: int) -> dict[str, str]:
    return {"Retry-After": str(seconds)}
