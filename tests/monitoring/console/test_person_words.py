from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.console.person_words import (
    Step,
    hold_row,
    interval_reason,
    invitation_sentence,
    missing_sentence,
    next_step,
    proof_of,
    silence_sentence,
)
from monitoring.health.causes import CAUSES, Explanation
from monitoring.intake.volume import Missing
from tests.factories import NOW

HOUR = timedelta(hours=1)
RULE = Explanation("Google access was revoked", "It was withdrawn.", "Ask the person.")
RULES = {"revoked": RULE}


def missing(last: Any, estimate: int | None) -> str:
    return missing_sentence(Missing(last, estimate), NOW, NOW.tzinfo)


@pytest.mark.parametrize(
    ("estimate", "sentence"),
    [
        (None, "Last meeting copied 09:00."),
        (0, "Last meeting copied 09:00; probably none is missing since (estimate from usual vol"),
        (1, "Last meeting copied 09:00; about 1 meeting since may be missing (estimate from"),
        (6, "Last meeting copied 09:00; about 6 meetings since may be missing (estimate from us"),
    ],
)
def test_what_is_missing_is_one_sentence(estimate: int | None, sentence: str) -> None:
    assert missing(NOW - 3 * HOUR, estimate).startswith(sentence)


def test_nothing_is_said_of_what_can_not_be_known() -> None:
    assert missing_sentence(None, NOW, NOW.tzinfo) == ""
    assert missing(None, None) == ""
    assert missing(None, 0).startswith("Probably nothing")


def test_the_proof_names_rule_version_runs_and_confirmation() -> None:
    facts: dict[str, Any] = {"version": 3, "confirmed_at": NOW, "now": NOW, "zone": NOW.tzinfo}
    found = proof_of("revoked", RULES, runs=[NOW - HOUR, NOW], **facts)
    assert (found.title, found.version) == (RULE.title, ", version 3")
    assert found.words == (
        ", matched by the last 2 runs (11:00, 12:00), confirmed at 12:00 outside any incident."
    )
    one = proof_of("revoked", RULES, runs=[NOW], **facts | {"version": None, "confirmed_at": None})
    assert (one.version, one.words) == ("", ", matched by the last run (12:00).")
    assert proof_of("silent", RULES, runs=[], **facts) is None


BY = {"author_name": "Ada Admin", "at": (NOW - HOUR).isoformat(), "reason": "Pilot"}


@pytest.mark.parametrize(
    ("own", "by", "pace", "sentence"),
    [
        (None, None, "", "The organization's usual interval."),
        (None, None, "Every 4 h.", "Every 4 h."),
        (
            900,
            BY,
            "",
            "Set for this person by Ada Admin 11:00: Pilot. The organization's is 2 h.",
        ),
        (900, None, "", "Set for this person. The organization's is 2 h."),
        (
            900,
            None,
            "Every 4 h.",
            "Every 4 h. 15 min is set for this person. The organization's is 2 h.",
        ),
    ],
)
def test_the_interval_is_explained(
    own: int | None, by: dict[str, Any] | None, pace: str, sentence: str
) -> None:
    assert interval_reason(own, 7_200, by, pace, NOW, NOW.tzinfo) == sentence


def test_a_silence_says_until_when_by_whom_and_why() -> None:
    silence = {"ends_at": NOW.isoformat(), "author_name": "Ada Admin", "reason": "She knows"}
    said = silence_sentence(silence, NOW, NOW.tzinfo)
    assert said == "Alerts about this person are muted until 12:00, by Ada Admin: She knows."
    assert silence_sentence(None, NOW, NOW.tzinfo) == ""


def invitation(**overrides: Any) -> str:
    fields = {
        "state": "sent",
        "providers": ["google", "salesforce"],
        "granted": [],
        "asked_by_name": "Ada Admin",
        "refusal": "",
        "created_at": NOW.isoformat(),
        "sent_at": NOW.isoformat(),
        "opened_at": None,
        "expires_at": None,
        "reminders": 0,
    }
    return invitation_sentence(fields | overrides, NOW, NOW.tzinfo)


def test_an_invitation_says_how_it_stands() -> None:
    assert invitation() == "Ada Admin asked for access again 12:00. The link was not opened yet."
    assert "waits for the end of an incident" in invitation(state="waiting", sent_at=None)
    whole = invitation(
        state="opened",
        granted=["google"],
        reminders=2,
        expires_at=(NOW + HOUR).isoformat(),
        refusal="That was another account",
    )
    assert whole == (
        "Ada Admin asked for access again 12:00. The link was opened; Google is given, Salesforce "
        "not yet; reminded 2 times. It expires 13:00. That was another account."
    )
    assert invitation_sentence(None, NOW, NOW.tzinfo) == ""


@pytest.mark.parametrize(
    ("kind", "ends", "author", "until"),
    [
        ("member", None, "Ada", "until somebody releases it"),
        ("person", NOW + HOUR, "Ada, themself", "until 13:00"),
        ("offboarding", None, "Ada, the off-boarding feed", "until somebody releases it"),
    ],
)
def test_a_hold_says_whose_it_is_and_until_when(
    kind: str, ends: Any, author: str, until: str
) -> None:
    hold = {
        "author_kind": kind,
        "author_name": "Ada",
        "reason": "On leave",
        "started_at": NOW.isoformat(),
        "ends_at": ends and ends.isoformat(),
    }
    row = hold_row(hold, NOW, NOW.tzinfo)
    assert (row.author, row.until) == (author, until)


def step(cause: str, **overrides: Any) -> Step:
    facts = {
        "why": RULES.get(cause) or CAUSES[cause],
        "interpretation": None,
        "grants": {"google": "delegated", "salesforce": "jwt"},
        "refused": [],
        "hold_authors": set(),
        "invited": False,
        "refusal": "",
    }
    return next_step(cause=cause, **facts | overrides)


def test_an_access_of_the_organization_is_given_again_without_the_person() -> None:
    found = step("revoked", interpretation="needs_user", refused=["google"])
    assert found.kind == "reauthorize"
    assert "organization's Google access" in found.words


def test_an_access_of_the_persons_own_is_asked_for_once() -> None:
    own = {"google": "refresh_token", "salesforce": "jwt"}
    facts = {"interpretation": "needs_user", "grants": own, "refused": ["google"]}
    assert step("revoked", **facts) == Step("Ask the person.", "reauthorize", "Re-authorize…")
    assert step("revoked", **facts, invited=True).kind == ""


@pytest.mark.parametrize(
    ("cause", "facts", "kind"),
    [
        ("held", {"hold_authors": {"member", "person"}}, "release"),
        ("held", {"hold_authors": {"person"}}, ""),
        ("held", {"hold_authors": {"offboarding"}}, ""),
        ("never_connected", {"grants": {"google": "delegated"}}, "reauthorize"),
        ("never_connected", {"grants": {}, "invited": True}, ""),
        ("never_connected", {}, ""),
        ("silent", {}, "sync"),
        ("silent", {"refusal": "Another engine."}, ""),
        ("unrecognised", {"interpretation": "unknown"}, "errors"),
        ("incident", {"interpretation": "transient"}, ""),
        ("revoked", {"interpretation": "needs_admin", "refused": ["google"]}, "reauthorize"),
        ("revoked", {"interpretation": "needs_admin"}, ""),
        ("", {}, ""),
    ],
)
def test_there_is_one_next_step(cause: str, facts: dict[str, Any], kind: str) -> None:
    assert step(cause, **facts).kind == kind


@given(
    st.sampled_from([*CAUSES, "revoked"]),
    st.sampled_from([None, "transient", "needs_user", "needs_admin", "record", "unknown"]),
    st.dictionaries(
        st.sampled_from(["google", "salesforce"]),
        st.sampled_from(["delegated", "jwt", "refresh_token"]),
    ),
    st.sets(st.sampled_from(["google", "salesforce"])),
    st.sets(st.sampled_from(["member", "person", "offboarding"])),
    st.booleans(),
    st.sampled_from(["", "Another engine syncs this person."]),
)
def test_a_button_has_words_and_who_may_not_be_synced_is_not_offered_it(
    cause: str,
    interpretation: str | None,
    grants: dict[str, str],
    refused: set[str],
    authors: set[str],
    invited: bool,
    refusal: str,
) -> None:
    found = step(
        cause,
        interpretation=interpretation,
        grants=grants,
        refused=sorted(refused & grants.keys()),
        hold_authors=authors,
        invited=invited,
        refusal=refusal,
    )
    assert bool(found.kind) == bool(found.button)
    assert found.words or not found.kind
    assert not (found.kind == "sync" and refusal)
    assert not (found.kind == "release" and authors and "member" not in authors)
