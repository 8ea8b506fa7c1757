from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.console import incident_words as words
from monitoring.console.incident_status import provider_says
from monitoring.console.incident_words import NAMES, STATES, Stops
from monitoring.incidents.models import EventKind, Incident, IncidentEvent, Kind, Source
from monitoring.incidents.recovery import Pace
from tests.factories import NOW

BERLIN = ZoneInfo("Europe/Berlin")
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def incident(**fields: Any) -> Incident:
    began_at = fields.pop("began_at", NOW - 3 * HOUR)
    return Incident(
        **{
            "organization_id": 1,
            "kind": Kind.FAILURES,
            "provider": "salesforce",
            "began_at": began_at,
            "opened_at": began_at + 4 * MINUTE,
            "people_hit": 31,
        }
        | fields
    )


INTAKE = {"kind": Kind.INTAKE, "provider": "service", "people_hit": 7}


def stops(first: datetime, last: datetime, people: int = 412, **middle: Any) -> Stops:
    ends = {"central_first": first, "central_last": last, "central_people": people} | middle
    return Stops(people, first, last, **ends)


@pytest.mark.parametrize(
    ("facts", "running", "sentence"),
    [
        (
            stops(NOW - 3 * HOUR, NOW - 3 * HOUR + 3 * MINUTE),
            430,
            "412 of 430 people stopped between 10:00 and 10:03",
        ),
        (stops(NOW - HOUR, NOW - HOUR, 3), 4, "3 of 4 people stopped at 12:00"),
        (stops(NOW - HOUR, NOW - HOUR, 4), 4, "All 4 people stopped at 12:00"),
        (stops(NOW - HOUR, NOW - HOUR, 5), 4, "All 5 people stopped at 12:00"),
        (stops(NOW - HOUR, NOW - HOUR, 1), 1, "1 person stopped at 12:00"),
        (
            stops(NOW - 14 * HOUR, NOW - 11 * HOUR, 1_234),
            20_000,
            "1,234 of 20,000 people stopped between Thu 23:00 and 02:00",
        ),
    ],
)
def test_how_many_stopped_when(facts: Stops, running: int, sentence: str) -> None:
    assert words.simultaneity(facts, running, NOW, BERLIN) == sentence


def test_stragglers_do_not_stretch_the_time_and_are_not_hidden() -> None:
    first = NOW - 3 * HOUR
    middle = {"central_first": first, "central_last": first + 3 * MINUTE, "central_people": 392}
    late = stops(first, first + 90 * MINUTE, **middle)
    assert words.simultaneity(late, 430, NOW, BERLIN) == (
        "412 of 430 people stopped, 392 of them between 10:00 and 10:03"
    )
    close = stops(first, first + 5 * MINUTE, **middle)
    assert "between 10:00 and 10:05" in words.simultaneity(close, 430, NOW, BERLIN)


MINUTES = st.integers(0, 3_000)


@given(st.lists(MINUTES, min_size=1, max_size=40), st.integers(0, 60))
def test_the_sentence_is_true_of_any_times(minutes: list[int], more: int) -> None:
    times = sorted(NOW - timedelta(minutes=each) for each in minutes)
    low, high = times[len(times) // 20], times[-1 - len(times) // 20]
    central = [time for time in times if low <= time <= high]
    facts = Stops(len(times), times[0], times[-1], low, high, len(central))
    sentence = words.simultaneity(facts, len(times) + more, NOW, BERLIN)
    assert f"{len(times)}" in sentence
    claims_part = "of them" in sentence
    assert claims_part <= (len(central) < len(times))
    assert (f"of {len(times) + more}" in sentence) is (more > 0)
    shown = (low, high) if claims_part else (times[0], times[-1])
    for moment in shown:
        assert f"{moment.astimezone(BERLIN):%H:%M}" in sentence


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        (
            incident(),
            "Salesforce: 31 people hit since 10:00, probably one cause. Nobody is disabled by it.",
        ),
        (
            incident(provider="network", people_hit=1),
            "The network: 1 person hit since 10:00, probably one cause. Nobody is disabled by it.",
        ),
        (
            incident(**INTAKE),
            (
                "Too few results come in since 10:00, so statuses may be stale. "
                "Nobody is called silent meanwhile."
            ),
        ),
        (
            incident(**INTAKE, organization_id=None),
            (
                "Too few results of the whole service come in since 10:00, "
                "so statuses may be stale. Nobody is called silent meanwhile."
            ),
        ),
    ],
)
def test_the_banner_says_what_it_is_and_that_nobody_suffers(facts: Incident, sentence: str) -> None:
    assert words.notice_sentence(facts, NOW, BERLIN) == sentence


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        ({}, "Began 10:00, found 4 min later."),
        ({"opened_at": NOW - 3 * HOUR + timedelta(seconds=20)}, "Began 10:00, found within a"),
        ({"closed_at": NOW - HOUR}, "Began 10:00, found 4 min later, over 12:00 after 2 h."),
        (
            {"closed_at": NOW - HOUR, "recovered_at": NOW, "flaps": 2},
            (
                "over 12:00 after 2 h, everybody hit tried again by 13:00. "
                "It came back twice within half an hour of ending."
            ),
        ),
        ({"flaps": 1}, "It came back once"),
        ({"flaps": 3}, "It came back 3 times"),
        (INTAKE | {"closed_at": NOW, "recovered_at": NOW}, "over 13:00 after 3 h."),
    ],
)
def test_the_course_is_told_in_one_sentence(facts: dict[str, Any], sentence: str) -> None:
    assert sentence in words.course(incident(**facts), NOW, BERLIN)


@pytest.mark.parametrize(
    ("hit", "recovered", "waiting", "sentence"),
    [
        (0, 0, 0, ""),
        (31, 3, 28, "3 of 31 have had a good run since, 28 wait"),
        (31, 1, 29, "1 of 31 has had a good run since, 29 wait, 1 still fails for another reason"),
        (31, 28, 1, "28 of 31 have had a good run since, 1 waits, 2 still fail for another reason"),
        (31, 31, 0, "All 31 people have had a good run since"),
        (1, 1, 0, "1 person has had a good run since"),
    ],
)
def test_the_progress_says_what_of_everybody(
    hit: int, recovered: int, waiting: int, sentence: str
) -> None:
    assert words.progress(hit, recovered, waiting) == sentence


@pytest.mark.parametrize(
    ("canaries", "waiting", "sentence"),
    [
        (5, 412, "5 people try every 5 min, to see when it ends; the other 407 try at their"),
        (1, 2, "1 person tries every 5 min, to see when it ends; the other 1 tries at its"),
        (3, 3, "3 people try every 5 min, to see when it ends."),
        (0, 9, "Those hit try at their own interval; a few are about to try more often."),
        (0, 0, "Everybody hit has had a good run since; it closes once that holds."),
    ],
)
def test_who_tries_how_often_is_said(canaries: int, waiting: int, sentence: str) -> None:
    held_back = words.held_back(incident(), canaries, waiting, 300)
    assert len(held_back) == 4
    assert held_back[-1].startswith(sentence)


def test_what_is_held_back_is_told_of_the_past_once_it_is_over() -> None:
    told = " ".join(words.held_back(incident(closed_at=NOW), 0, 0, 300))
    assert "was held against anybody, nobody's interval grew" in told
    assert "try" not in told


def test_an_intake_that_drops_has_its_own_words() -> None:
    assert any("silent" in line for line in words.held_back(incident(**INTAKE), 0, 0, 300))
    over = incident(**INTAKE, closed_at=NOW)
    assert words.held_back(over, 0, 0, 300) == ["Nobody was called silent or overdue meanwhile."]
    assert words.heading(over, None, NOW, BERLIN) == (
        "Too few results came in between 10:00 and 13:00"
    )


def test_a_recovery_is_announced_with_its_pace_and_its_end() -> None:
    plan = words.recovery_plan(incident(people_hit=412), 404, 4, Pace())
    assert (plan.title, plan.button) == ("Recover 404 people?", "Recover 404 people now")
    told = " ".join(plan.sentences)
    assert "400 people are synced, the oldest gap first." in told
    assert "About 30 a minute, so all are done in about 14 min." in told
    assert "only after a good run" in told
    assert "4 people are left out: switched off, or synced by another engine." in told
    assert "The incident is still open" in told


@given(st.integers(1, 30_000), st.data())
def test_no_recovery_is_said_to_take_no_time(hit: int, data: st.DataObject) -> None:
    people = data.draw(st.integers(0, hit))
    left_out = data.draw(st.integers(0, people))
    over = incident(people_hit=hit, closed_at=NOW)
    plan = words.recovery_plan(over, people, left_out, Pace())
    pace = next(sentence for sentence in plan.sentences if "a minute" in sentence)
    assert "about 0" not in pace
    assert any("left out" in sentence for sentence in plan.sentences) is (left_out > 0)
    assert not any("still open" in sentence for sentence in plan.sentences)


def event(kind: EventKind, **fields: Any) -> IncidentEvent:
    return IncidentEvent(kind=kind, at=NOW, **fields)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (event(EventKind.OPENED, people=31), "Found: 31 people hit"),
        (event(EventKind.GREW, people=412), "Grew: 412 people hit by now"),
        (event(EventKind.CAME_BACK, people=1), "Came back: 1 person hit"),
        (
            event(EventKind.CLOSED, people=9),
            "Over, by its outcomes; 9 people still to be synced",
        ),
        (event(EventKind.CLOSED, people=0), "Over, by its outcomes; nobody waits"),
        (event(EventKind.CLOSED), "Over, by its outcomes; nobody waits"),
        (event(EventKind.RECOVERED), "Everybody hit has been tried again"),
        (event(EventKind.STATUS, text="ok"), "Salesforce's status page reports no trouble"),
        (
            event(EventKind.STATUS, text="trouble: Major incident: EU44"),
            "Salesforce's status page reports trouble: Major incident: EU44",
        ),
        (
            event(EventKind.STATUS, text="unknown: it took too long"),
            "Salesforce's status page could not be read: it took too long",
        ),
        (event(EventKind.OWNER, author_name="Casey Admin"), "Casey Admin took it"),
        (event(EventKind.NOTE, author_name="Casey", text="Called them"), "Called them"),
        (
            event(EventKind.RECOVER, author_name="Casey", people=3),
            "Casey asked for the recovery of 3 people",
        ),
    ],
)
def test_each_line_of_the_timeline_is_a_sentence(line: IncidentEvent, sentence: str) -> None:
    assert words.event_sentence(line, "Salesforce") == sentence


def test_every_kind_of_event_state_and_source_has_words() -> None:
    assert all(words.event_sentence(event(kind, text="x"), "Google") for kind in EventKind)
    assert set(NAMES) == set(Source)
    assert set(STATES) == {"open", "recovering", "over"}
    assert all(words.phrase(source, 2).endswith("1 other person") for source in Source)
    assert words.phrase("google", 1) == "the Google incident"


@pytest.mark.parametrize(
    ("text", "word", "sentence"),
    [
        ("ok", "No trouble reported", ""),
        ("trouble: Major incident", "Trouble reported", "Major incident"),
        ("maintenance: Maintenance", "Maintenance reported", "Maintenance"),
        ("unknown: it took too long", "Not known", "it took too long"),
        ("nonsense", "Not known", "The page says nothing that can be read."),
    ],
)
def test_what_the_status_page_says_is_said_and_unknown_is_never_fine(
    text: str, word: str, sentence: str
) -> None:
    asked = incident(status_asked_at=NOW - 3 * MINUTE)
    told = event(EventKind.STATUS, text=text, address="https://status.salesforce.com")
    says = provider_says(asked, told, NOW, BERLIN)
    assert (says.look.word, says.sentence) == (word, sentence)
    assert says.asked_at.said == "3 min ago"
    assert says.address == "https://status.salesforce.com"


def test_an_address_that_is_no_web_page_is_no_link() -> None:
    told = event(EventKind.STATUS, text="ok", address="javascript:alert(1)")
    assert provider_says(incident(), told, NOW, BERLIN).address == ""


def test_a_page_not_asked_yet_is_not_known_and_some_have_no_page() -> None:
    says = provider_says(incident(), None, NOW, BERLIN)
    assert (says.look.word, says.asked_at) == ("Not known", None)
    assert provider_says(incident(provider="network"), None, NOW, BERLIN) is None
    assert provider_says(incident(**INTAKE), None, NOW, BERLIN) is None
