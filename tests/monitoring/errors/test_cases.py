from __future__ import annotations

from typing import Any

import pytest

from monitoring.errors.interpretation import built_in_rules, interpret
from tests.monitoring.errors.samples import BEYOND_ONE_PAYLOAD, raw_of, samples

ASKS_A_HUMAN = {"needs_user", "needs_admin"}


@pytest.mark.parametrize("sample", samples(), ids=lambda sample: sample["id"])
def test_a_known_error_is_judged_as_its_source_says(sample: dict[str, Any]) -> None:
    verdict = interpret(raw_of(sample), built_in_rules())

    assert verdict.interpretation == BEYOND_ONE_PAYLOAD.get(sample["id"], sample["truth"])


@pytest.mark.parametrize(
    "sample",
    [s for s in samples() if s["truth"] == "transient" and s["confidence"] == "documented"],
    ids=lambda sample: sample["id"],
)
def test_a_documented_transient_is_nobodys_fault(sample: dict[str, Any]) -> None:
    verdict = interpret(raw_of(sample), built_in_rules())

    assert verdict.interpretation not in ASKS_A_HUMAN
    assert verdict.who == "nobody"


def test_each_known_error_has_a_source_and_an_id_of_its_own() -> None:
    known = samples()

    assert all(sample["source"] for sample in known)
    assert len({sample["id"] for sample in known}) == len(known)


def test_what_lies_beyond_one_payload_is_still_only_what_it_was() -> None:
    truths = {sample["id"]: sample["truth"] for sample in samples()}

    assert set(BEYOND_ONE_PAYLOAD) <= set(truths)
    assert all(truths[name] != ours for name, ours in BEYOND_ONE_PAYLOAD.items())
