from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.errors.facts import RawError, extract_facts
from monitoring.errors.inbox import draft_from
from monitoring.errors.interpretation import RuleSet, built_in_rules
from monitoring.errors.proposals import RuleChangeRefusedError, checked
from monitoring.errors.rules import CHANNELS, PROVIDERS, SENTENCES, rule_from
from tests.monitoring.errors.makers import PANIC, panic
from tests.monitoring.errors.samples import raw_of, samples

WORDS = st.lists(
    st.sampled_from(
        [
            *("locked", "field", "Please", "'Ada Lovelace'", "ada@acme.example", "17", "*", "<b>"),
            *("003xx000004TmiQAAS", "invalid_thing", "AN_ODD_CODE:", "https://acme.example/x?y=1"),
            *("é", "☃"),
        ]
    ),
    max_size=60,
).map(" ".join)
BODIES = st.one_of(
    st.text(max_size=300),
    WORDS,
    WORDS.map(lambda text: json.dumps([{"errorCode": "UNKNOWN_EXCEPTION", "message": text}])),
    WORDS.map(lambda text: json.dumps({"error": "odd_error", "error_description": text})),
)
ERRORS = st.builds(
    RawError,
    provider=st.sampled_from(sorted(PROVIDERS)),
    channel=st.sampled_from(sorted(CHANNELS)),
    status=st.one_of(st.none(), st.integers(0, 999)),
    headers=st.just({}),
    body=BODIES,
)


@dataclass
class Entry:
    sample: dict[str, Any]


def draft_of(**overrides: Any) -> dict[str, Any]:
    return draft_from(Entry(panic(**overrides)))


def matches(draft: dict[str, Any], raw: RawError) -> bool:
    filled = rule_from(draft | dict.fromkeys(SENTENCES, "Something"))
    rules = built_in_rules().with_rules_above([filled], version=2)
    return rules.match(extract_facts(raw)) == filled


@given(ERRORS)
def test_the_draft_of_any_error_holds_for_it(raw: RawError) -> None:
    draft = draft_from(Entry(asdict(raw)))
    filled = rule_from(draft | dict.fromkeys(SENTENCES, "Something"))
    assert RuleSet((filled,), version=1).match(extract_facts(raw)) == filled
    assert draft["class"] == "transient"
    assert draft["id"] not in {rule.id for rule in built_in_rules().rules}
    assert "-" in draft["id"]


@given(ERRORS)
def test_a_draft_names_nobody(raw: RawError) -> None:
    phrases = " ".join(draft_from(Entry(asdict(raw))).get("says", []))
    assert "lovelace" not in phrases
    assert "acme" not in phrases
    assert not re.search(r"\d{2}|@", phrases)


@pytest.mark.parametrize("sample", samples(), ids=lambda sample: sample["id"])
def test_the_draft_of_a_known_error_would_be_tried_above_its_rule(sample: dict[str, Any]) -> None:
    raw = raw_of(sample)
    assert matches(draft_from(Entry(asdict(raw))), raw)


def test_a_code_tells_an_error() -> None:
    assert draft_of() == {
        "id": "salesforce-kernel-panic-in-aisle-four",
        "class": "transient",
        "who": "nobody",
        "title": "",
        "meaning": "",
        "next_step": "",
        "providers": ["salesforce"],
        "channels": ["http-json"],
        "statuses": [400],
        "codes": [PANIC],
    }


def test_without_a_code_the_masked_sentence_tells_it() -> None:
    body = json.dumps({"message": "The shelf of ada@acme.example is full since 17 days, call us"})
    draft = draft_of(body=body)
    assert "codes" not in draft
    assert draft["says"] == ["the shelf of * is full since * days, call us"]
    assert draft["id"] == "salesforce-the-shelf-of"


def test_a_code_that_tells_nothing_has_the_sentence_beside_it() -> None:
    body = json.dumps([{"errorCode": "UNKNOWN_EXCEPTION", "message": "The aisle is on fire"}])
    draft = draft_of(body=body)
    assert draft["codes"] == ["UNKNOWN_EXCEPTION"]
    assert draft["says"] == ["the aisle is on fire"]


def test_a_code_that_other_rules_speak_of_is_not_taken_from_them() -> None:
    body = json.dumps({"error": "invalid_grant", "error_description": "Aisle four is closed"})
    draft = draft_of(channel="oauth-json", body=body)
    assert draft["codes"] == ["invalid_grant"]
    assert draft["says"] == ["aisle four is closed"]


def test_an_empty_answer_is_told_by_what_little_there_is() -> None:
    draft = draft_of(body="", status=None)
    assert (draft["channels"], draft["providers"]) == (["http-json"], ["salesforce"])
    assert not {"says", "codes", "statuses"} & draft.keys()
    assert draft["id"] == "salesforce-error"


def test_an_id_that_is_taken_is_not_used_again() -> None:
    first = "salesforce-kernel-panic-in-aisle-four"
    assert draft_from(Entry(panic()), taken={first})["id"] == f"{first}-2"
    assert draft_from(Entry(panic()), taken={first, f"{first}-2"})["id"] == f"{first}-3"


def test_a_draft_can_be_proposed_once_its_sentences_are_filled_in() -> None:
    draft = draft_of()
    with pytest.raises(RuleChangeRefusedError, match="is missing"):
        checked(draft["id"], draft)
    filled = draft | dict.fromkeys(SENTENCES, "Something.")
    assert checked(draft["id"], filled) == filled
