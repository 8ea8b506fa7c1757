from __future__ import annotations

from datetime import datetime, timedelta
from itertools import product
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.console import wording
from monitoring.console.wording import LOOKS, TO, Situation, Slowdown, lowered
from monitoring.errors.interpretation import built_in_rules
from monitoring.health.causes import CAUSES, Explanation, explanation_of, words_of
from monitoring.health.fold import SEVERITY
from tests.factories import NOW

BERLIN = ZoneInfo("Europe/Berlin")
BUILT_IN = words_of(built_in_rules())
RULES = {"google-quota": Explanation("Google asks us to slow down", "Too many.", "Nothing.")}
TIMES = st.one_of(
    st.none(),
    st.integers(-400 * 1440, 400 * 1440).map(lambda minutes: NOW + timedelta(minutes=minutes)),
)
SITUATIONS = st.builds(
    Situation,
    status=st.sampled_from(sorted(SEVERITY)),
    cause=st.sampled_from([*CAUSES, "google-quota", "gone-rule"]),
    status_since=TIMES.filter(bool),
    last_attempt_at=TIMES,
    last_success_at=TIMES,
    next_due=TIMES,
    interval=st.sampled_from([7_200, 14_400, 86_400]),
    runs_here=st.booleans(),
    held_by=st.sampled_from(["", "Ada Admin"]),
    held_until=TIMES,
    not_before=TIMES,
    asked_by=st.sampled_from(["", "google", "salesforce", "network"]),
    incident=st.sampled_from(["", "the Salesforce incident, with 30 other people"]),
)


def situation(status: str = "healthy", cause: str = "", **facts: object) -> Situation:
    return Situation(status, cause, NOW - timedelta(hours=3), **facts)


SLOWDOWNS = st.one_of(
    st.none(),
    st.builds(
        Slowdown,
        at=TIMES.filter(bool),
        cause=st.sampled_from([*CAUSES, "google-quota", "gone-rule"]),
    ),
)


def test_every_status_has_its_own_word_icon_and_shape() -> None:
    assert {*SEVERITY, "never_connected"} == set(LOOKS)
    assert len({look.icon for look in LOOKS.values()}) == len(LOOKS)
    assert len({look.word for look in LOOKS.values()}) == len(LOOKS)


def test_who_was_switched_off_is_never_shown_in_red() -> None:
    assert wording.look_of("disabled", "held").tone == "neutral"


@given(SITUATIONS, SLOWDOWNS)
def test_every_situation_has_whole_sentences_and_no_code(
    facts: Situation, slowed: Slowdown | None
) -> None:
    said = [
        wording.headline(facts, RULES, NOW, BERLIN),
        wording.outlook(facts, NOW, BERLIN),
    ]
    said += [pace] if (pace := wording.pace(facts, slowed, RULES, NOW, BERLIN)) else []
    for sentence in said:
        assert sentence.endswith(".")
        assert sentence[0].isupper()
        assert "None" not in sentence
        assert "_" not in sentence
        assert ".." not in sentence
        assert "  " not in sentence


@given(SITUATIONS)
def test_only_who_is_off_is_said_to_be_off_and_errors_never_do_it(facts: Situation) -> None:
    outlook = wording.outlook(facts, NOW, BERLIN)
    switched_off = "switches syncing on again" in outlook or "starts again by itself" in outlook
    assert switched_off is (facts.status == "disabled")
    if facts.status == "disabled":
        assert "by errors" not in outlook


@given(SITUATIONS)
def test_a_reason_is_given_for_whoever_is_not_simply_syncing(facts: Situation) -> None:
    assert bool(wording.reason(facts, RULES, NOW, BERLIN)) is bool(facts.cause)


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        (situation("stalled", "google-quota"), "Google asks us to slow down"),
        (
            situation("stalled", "silent", last_attempt_at=NOW - timedelta(days=3)),
            "No run since Tue 13:00",
        ),
        (situation("stalled", "silent"), "No run since it was set up"),
        (
            situation("degraded", "slowed", interval=14_400),
            "Runs every 4 h instead of 2 h after failures",
        ),
        (
            situation("disabled", "held", held_by="Ada Admin", held_until=NOW + timedelta(days=2)),
            "by Ada Admin, until Sun 13:00",
        ),
        (
            situation("disabled", "held", held_by="Ada Admin"),
            "by Ada Admin, until switched on again",
        ),
        (situation("degraded", "gone-rule"), "An error whose rule is gone"),
        (situation(), ""),
    ],
)
def test_reasons_are_plain_words(facts: Situation, reason: str) -> None:
    assert wording.reason(facts, RULES, NOW, BERLIN) == reason


@pytest.mark.parametrize(
    ("facts", "headline"),
    [
        (situation(), "Syncing since 10:00."),
        (
            situation("stalled", "google-quota"),
            "Needs attention since 10:00 — Google asks us to slow down.",
        ),
        (
            situation("disabled", "held", held_by="Ada Admin"),
            "Off since 10:00, by Ada Admin, until switched on again.",
        ),
        (
            situation("degraded", "never_connected"),
            "Never connected — Google and Salesforce are not both connected.",
        ),
    ],
)
def test_the_headline_says_how_it_stands_since_when_and_why(
    facts: Situation, headline: str
) -> None:
    assert wording.headline(facts, RULES, NOW, ZoneInfo("Europe/Berlin")) == headline


@pytest.mark.parametrize(
    ("facts", "outlook"),
    [
        (
            situation(next_due=NOW + timedelta(hours=1)),
            "The next run is at 14:00, then every 2 h.",
        ),
        (situation(next_due=NOW), "The next run is due now, then every 2 h."),
        (
            situation("degraded", "never_connected"),
            "The first run starts as soon as both are connected.",
        ),
        (
            situation(runs_here=False),
            "Runs come every 2 h. Another engine runs these syncs and reports them here.",
        ),
    ],
)
def test_the_outlook_says_what_comes_next(facts: Situation, outlook: str) -> None:
    assert wording.outlook(facts, NOW, BERLIN) == outlook


@pytest.mark.parametrize("cause", sorted({*CAUSES, *BUILT_IN} - {""}))
def test_every_cause_has_a_title_a_meaning_and_a_next_step(cause: str) -> None:
    words = explanation_of(cause, BUILT_IN)
    assert words.title
    assert not words.title.endswith(".")
    assert words.meaning.endswith(".")
    assert words.next_step.endswith(".")


def test_no_rule_takes_the_name_of_a_cause_of_ours() -> None:
    assert not set(CAUSES) & set(BUILT_IN)


@pytest.mark.parametrize(
    ("syncing", "people", "sentence"),
    [
        (41, 45, "41 of 45 people are syncing"),
        (1, 45, "1 of 45 people is syncing"),
        (0, 45, "0 of 45 people are syncing"),
        (45, 45, "All 45 people are syncing"),
        (12_345, 20_000, "12,345 of 20,000 people are syncing"),
        (0, 0, "Nobody is connected yet"),
        (1, 1, "The only person connected is syncing"),
        (0, 1, "1 person is not syncing"),
    ],
)
def test_the_first_sentence(syncing: int, people: int, sentence: str) -> None:
    assert wording.syncing_sentence(syncing, people) == sentence


@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_the_first_sentence_never_says_all_of_part(some: int, more: int) -> None:
    sentence = wording.syncing_sentence(some, some + more)
    assert sentence.startswith("All") is (more == 0 and some > 1)


@pytest.mark.parametrize(
    ("shown", "sentence"),
    [
        ((0, 0, 0, False), "Nobody"),
        ((1, 1, 1, False), "1 person"),
        ((1, 12, 12, False), "12 people"),
        ((1, 50, 412, False), f"1{TO}50 of 412 people"),
        ((951, 1_000, 1_000, True), f"951{TO}1,000 of more than 1,000 people"),
    ],
)
def test_the_part_shown(shown: tuple[int, int, int, bool], sentence: str) -> None:
    assert wording.shown_sentence(*shown) == sentence


@pytest.mark.parametrize(
    ("counts", "deeds"),
    [
        (None, ""),
        ({}, ""),
        ({"google": {"created": 0}, "skipped": 0}, ""),
        (
            {"google": {"updated": 1}, "salesforce": {"created": 3, "deleted": 1_200}},
            "3 created in Salesforce, 1,200 deleted in Salesforce, 1 updated in Google",
        ),
        ({"skipped": 2, "conflicts": 1}, "1 settled between both, 2 left out"),
        ({"google": "nonsense", "salesforce": {"created": "3"}, "skipped": None}, ""),
    ],
)
def test_what_a_run_did(counts: dict[str, object] | None, deeds: str) -> None:
    assert wording.deeds_sentence(counts) == deeds


@given(
    st.dictionaries(
        st.sampled_from(["google", "salesforce"]),
        st.dictionaries(st.sampled_from(wording.DEEDS), st.integers(0, 10**6)),
    )
)
def test_what_a_run_did_is_all_told_and_nothing_else(counts: dict[str, dict[str, int]]) -> None:
    said = wording.deeds_sentence(counts)
    told = {part for part in said.split(", ") if part}
    for side, deed in product(("google", "salesforce"), wording.DEEDS):
        number = counts.get(side, {}).get(deed, 0)
        assert (f"{number:,} {deed} in {wording.SIDES[side]}" in told) is bool(number)


@given(st.sampled_from(sorted(LOOKS)), st.integers(0, 10**6))
def test_a_key_figure_reads_as_a_sentence(group: str, people: int) -> None:
    words = wording.figure_words(group, people)
    assert words == words.lower()
    if group == "stalled":
        assert words == ("needs attention" if people == 1 else "need attention")


def test_times_are_read_in_the_zone_given() -> None:
    facts = situation(next_due=datetime.fromisoformat("2026-11-20T15:30:00+00:00"))
    assert "at 21:15" in wording.outlook(facts, NOW, ZoneInfo("Asia/Kathmandu"))


@pytest.mark.parametrize(
    ("sentence", "within"),
    [
        ("No run for too long", "no run for too long"),
        ("A Salesforce limit was reached", "a Salesforce limit was reached"),
        ("Google's calendar is away", "Google's calendar is away"),
        ("Salesforce was too slow to answer", "Salesforce was too slow to answer"),
        ("OAuth app is blocked", "OAuth app is blocked"),
        ("API calls are used up", "API calls are used up"),
        ("", ""),
    ],
)
def test_within_a_sentence_only_words_that_are_no_names_begin_small(
    sentence: str, within: str
) -> None:
    assert lowered(sentence) == within


TUESDAY = datetime.fromisoformat("2026-11-17T01:10:00+00:00")


@pytest.mark.parametrize(
    ("facts", "slowed", "sentence"),
    [
        (
            situation("degraded", "google-quota", interval=14_400),
            Slowdown(TUESDAY, "google-quota"),
            (
                "Every 4 h instead of 2 h since Tue 02:10, because Google asks us to slow down; "
                "back to 2 h after the next success."
            ),
        ),
        (
            situation("degraded", "lost", interval=28_800),
            Slowdown(NOW, "lost"),
            (
                "Every 8 h instead of 2 h since 13:00, because a run ended without a result; "
                "back to 2 h after the next success."
            ),
        ),
        (
            situation("degraded", "slowed", interval=14_400),
            Slowdown(TUESDAY, "slowed"),
            (
                "Every 4 h instead of 2 h since Tue 02:10, because several runs failed in a row; "
                "back to 2 h after the next success."
            ),
        ),
        (
            situation("degraded", "slowed", interval=14_400),
            None,
            "Every 4 h instead of 2 h; back to 2 h after the next success.",
        ),
        (situation(), Slowdown(TUESDAY, "lost"), ""),
        (situation("disabled", "held", interval=14_400), Slowdown(TUESDAY, "lost"), ""),
        (situation(interval=3_600), None, ""),
    ],
)
def test_a_longer_interval_is_explained(
    facts: Situation, slowed: Slowdown | None, sentence: str
) -> None:
    assert wording.pace(facts, slowed, RULES, NOW, BERLIN) == sentence


@given(SITUATIONS, SLOWDOWNS)
def test_only_who_runs_less_often_is_told_so_and_always_how_it_ends(
    facts: Situation, slowed: Slowdown | None
) -> None:
    pace = wording.pace(facts, slowed, RULES, NOW, BERLIN)
    runs_less_often = facts.status != "disabled" and facts.interval > facts.base_interval
    assert bool(pace) is runs_less_often
    assert pace.endswith("back to 2 h after the next success.") is runs_less_often


@pytest.mark.parametrize(
    ("asked_by", "until", "sentence"),
    [
        (
            "salesforce",
            NOW + timedelta(minutes=90),
            "Salesforce asked us not to come before 14:30.",
        ),
        ("google", NOW + timedelta(minutes=1), "Google asked us not to come before 13:01."),
        ("", NOW + timedelta(days=1), "The provider asked us not to come before Sat 13:00."),
        ("salesforce", NOW, ""),
        ("salesforce", None, ""),
    ],
)
def test_a_wait_the_provider_asked_for_is_told_while_it_lasts(
    asked_by: str, until: datetime | None, sentence: str
) -> None:
    facts = situation("degraded", "google-quota", not_before=until, asked_by=asked_by)
    told = wording.stay_away(facts, NOW, BERLIN)
    assert told == sentence
    assert told in wording.outlook(facts, NOW, BERLIN)


def test_who_is_hit_by_an_incident_is_told_which() -> None:
    incident = "the Salesforce incident, with 30 other people"
    facts = situation("degraded", "incident", incident=incident)
    assert wording.headline(facts, RULES, NOW, BERLIN) == (
        "Delayed since 10:00 — Hit by the Salesforce incident, with 30 other people."
    )
    unknown = situation("degraded", "incident")
    assert wording.reason(unknown, RULES, NOW, BERLIN) == "Hit by an incident, with many others"


def test_the_promise_is_said_in_numbers() -> None:
    assert wording.disabled_sentence(1_234, 0) == "Disabled by people: 1,234. By errors: 0."
