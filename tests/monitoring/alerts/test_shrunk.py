"""What a message says of the number of people must be about right when it goes out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from math import log2
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from monitoring.alerts.alert_checks import (
    claim_of,
    left_of,
    paced,
)
from monitoring.alerts.hours import Hours
from monitoring.alerts.kinds import AlertKind, Severity
from monitoring.alerts.last_checks import Leave
from monitoring.alerts.models import Alert, Message, Notification
from monitoring.alerts.plan import plan_at
from monitoring.alerts.plan_facts import Message as Planned
from monitoring.alerts.plan_facts import Phase, Target
from monitoring.alerts.still_so import Claim, decisive, is_right, is_shrunk
from monitoring.alerts.telling import episode_of
from monitoring.alerts.told import PLACE_KEPT, Line, recorded
from tests.factories import NOW
from tests.monitoring.alerts.lives import WAITS, at

ADA = "ada@acme.example"
# Minutes since the one before, the number of people, and what the sender does.
Step = tuple[float, int, str]
PEOPLE = (AlertKind.STALLED, AlertKind.REAUTHORIZE, AlertKind.INCIDENT)


def claim(**overrides: Any) -> Claim:
    """What a message says of 212 people who are all left."""
    right = Claim(1, Phase.OPENED, AlertKind.STALLED, 2, False, False, False, False, Hours())
    return right._replace(**{"notification": 7, "people": 212, "left": 212} | overrides)


@pytest.mark.parametrize("phase", [Phase.OPENED, Phase.GROWN, Phase.REMINDER])
@pytest.mark.parametrize("kind", PEOPLE)
def test_half_of_the_people_or_fewer_are_too_few(kind: AlertKind, phase: Phase) -> None:
    said = claim(kind=kind, phase=phase)
    assert is_right(said._replace(left=107))
    assert not is_right(said._replace(left=106))
    assert not is_right(said._replace(left=0))
    assert is_right(said._replace(left=900))


def test_one_of_one_is_right_and_one_of_two_is_not() -> None:
    assert is_right(claim(people=1, left=1))
    assert not is_right(claim(people=2, left=1))
    assert not is_right(claim(people=1, left=0))


def test_what_was_written_anew_must_have_halved_again() -> None:
    anew = claim(people=100, fewest=100)
    assert is_right(anew._replace(left=51))
    assert not is_right(anew._replace(left=50))
    risen = claim(people=200, fewest=100)
    assert is_right(risen._replace(left=51))
    assert not is_right(risen._replace(left=50))
    fallen = claim(people=60, fewest=100)
    assert is_right(fallen._replace(left=31))
    assert not is_right(fallen._replace(left=30))


@pytest.mark.parametrize("kind", sorted(set(AlertKind) - set(PEOPLE)))
def test_what_says_no_number_of_people_can_say_no_wrong_one(kind: AlertKind) -> None:
    assert is_right(claim(kind=kind, left=0))
    assert is_right(claim(kind=kind, people=0, left=0))


def test_an_end_says_how_many_there_were() -> None:
    assert is_right(claim(phase=Phase.OVER, is_over=True, left=0))


def test_what_was_said_of_nobody_is_right_of_nobody() -> None:
    assert is_right(claim(people=0, left=0))


def test_of_several_what_the_subject_says_and_what_is_critical_must_be_so() -> None:
    right, shrunk = claim(), claim(left=3)
    assert decisive([right, shrunk]) is None
    assert decisive([shrunk, right]) is shrunk
    assert decisive([right, shrunk._replace(severity=Severity.CRITICAL)])


def test_what_was_left_is_known_of_those_that_shrank_and_are_about_somebody() -> None:
    of_all = [
        claim(notification=1, left=3),
        claim(notification=2),
        claim(notification=3, left=0),
        claim(notification=4, left=90, is_over=True),
    ]
    assert left_of(of_all) == {1: 3, 4: 90}
    assert left_of([]) == {}


# An alert whose people come and go while its message waits


@dataclass
class Course:
    """What became of the messages to one recipient about one alert.

    `drafts` are all that were written of each notification, one after the other, and `sent` are the
    times, notifications and numbers of people at those times.
    """

    notes: dict[tuple[str, int], Notification] = field(default_factory=dict)
    sent: list[tuple[datetime, Notification, int]] = field(default_factory=list)
    drafts: defaultdict[tuple[str, int], list[Notification]] = field(
        default_factory=lambda: defaultdict(list)
    )
    queued_at: datetime | None = None

    @property
    def lines(self) -> list[Line]:
        return [line_of(note) for note in sorted(self.notes.values(), key=lambda each: each.at)]

    def tick(self, alert: Alert, now: datetime) -> None:
        """Plan what is due, and queue it."""
        record, target = recorded(self.lines), Target(1, told_at=self.queued_at)
        unheard = record.unsent | record.failed
        plan = plan_at([episode_of(alert)], {1: [target]}, record.told, now, WAITS, unheard)
        for planned in plan.messages:
            self.queue(alert, planned, now)

    def queue(self, alert: Alert, planned: Planned, now: datetime) -> None:
        key = planned.phase, planned.number
        before = self.notes.get(key)
        self.queued_at = now
        self.notes[key] = Notification(
            pk=sum(map(len, self.drafts.values())) + 1, alert=alert, recipient_id=1,
            phase=planned.phase, number=planned.number,
            people=planned.people, weight=alert.weight, at=now,
            fewest=before.fewest if before and is_anew(before, now) else None,
            message=Message(pk=1, channel="mail", recipient=ADA, state="queued", created_at=now),
        )  # fmt: skip
        self.drafts[key].append(self.notes[key])

    def send(self, now: datetime, *, is_there: bool) -> None:
        """Look at what waits as a sender does; the mail server is there or away."""
        for note in self.notes.values():
            if note.message is None or note.message.state != "queued":
                continue
            claims = [claim_of(note, Hours())]
            if decisive(claims):
                note.message.state, note.message.ended_at = "withdrawn", now
                note.fewest = left_of(claims)[note.pk]
            elif is_there and paced([note.message], self.lately(now), now)[1] == Leave.SEND:
                note.message.state = "sent"
                self.sent.append((now, note, note.alert.people))

    def lately(self, now: datetime) -> dict[str, datetime]:
        last = max((at for at, _, _ in self.sent), default=None)
        return {ADA: last} if last and now - last < timedelta(seconds=WAITS.pace) else {}

    def runs(self) -> Iterator[tuple[str, list[Notification]]]:
        """Yield the phase and what was written anew at once, for the same trouble."""
        for (phase, _), drafts in self.drafts.items():
            run = drafts[:1]
            for before, draft in pairwise(drafts):
                if not is_anew(before, draft.at):
                    yield phase, run
                    run = []
                run.append(draft)
            yield phase, run


def is_anew(before: Notification, now: datetime) -> bool:
    """Tell whether what is written now takes the place of one that was just withdrawn."""
    ended_at = before.message and before.message.ended_at
    return ended_at is not None and now - ended_at <= PLACE_KEPT


def line_of(note: Notification) -> Line:
    state = note.message.state if note.message else None
    return Line(1, 1, note.phase, note.number, note.people, note.weight, note.at, "", state, 0, 2)


def course_of(steps: list[Step]) -> Course:
    """Let an alert be about so many people from so many minutes later on, from when it is told on.

    What is withdrawn is planned anew within a minute, whatever happens then. A sender has no time
    for its message, finds that the server is away, or may send.
    """
    alert = Alert(
        pk=1, organization_id=1, kind="stalled", cause="x", severity=2, began_at=NOW, facts={}
    )
    course, minute = Course(), 15.0
    for minutes, people, sender in steps:
        if minutes > 1 and alert.people:
            course.tick(alert, at(minute + 1))
        minute += minutes
        alert.people, alert.weight = people, float(people)
        course.tick(alert, at(minute))
        if sender != "busy":
            course.send(at(minute), is_there=sender == "there")
    return course


MINUTES = st.sampled_from([0.5, 0.5, 0.5, 4, 11, 61])
NUMBERS = st.integers(0, 9).map(lambda power: 2**power) | st.integers(1, 400)
STEPS = st.lists(st.tuples(MINUTES, NUMBERS, st.sampled_from(["busy", "away", "there"])))
SWINGING: list[Step] = [(0.5, 100, "busy"), (0.5, 50, "away")] * 40
# It grows and is small again before anybody hears of that; hours later much more happens.
GROWING_TWICE: list[Step] = [
    (0, 6, "there"), (61, 36, "busy"), (1, 6, "away"), (500, 306, "busy"), (1, 4, "there"),
]  # fmt: skip


@given(STEPS)
@example(SWINGING)
@example(GROWING_TWICE)
@example([*GROWING_TWICE[:2], *[(0.5, 18, "away"), (0.5, 36, "busy")] * 40])
def test_a_message_is_written_anew_a_few_times_at_most(steps: list[Step]) -> None:
    for _, run in course_of(steps).runs():
        assert len(run) - 1 <= log2(run[0].people) + 1


@given(STEPS)
@example(SWINGING)
def test_a_beginning_is_never_written_as_if_nothing_had_been_withdrawn(steps: list[Step]) -> None:
    beginnings = [run for phase, run in course_of(steps).runs() if phase == Phase.OPENED]
    assert len(beginnings) <= 1


@given(STEPS)
@example(GROWING_TWICE)
def test_what_was_not_written_anew_is_sent_where_more_than_half_are_left(
    steps: list[Step],
) -> None:
    course = course_of(steps)
    firsts = [run[0] for _, run in course.runs()]
    for _, note, left in course.sent:
        assert note not in firsts or 2 * left > note.people


@given(STEPS, NUMBERS)
@example(SWINGING, 3)
@example(GROWING_TWICE, 3)
def test_once_the_server_is_there_it_is_told(steps: list[Step], people: int) -> None:
    course = course_of([*steps, *[(0.5, people, "there")] * 6])
    assert course.sent
    assert not [line for line in course.lines if line.state == "queued"]


@given(STEPS)
@example(SWINGING)
def test_no_two_go_out_within_a_minute(steps: list[Step]) -> None:
    times = [at for at, _, _ in course_of([*steps, (0.5, 3, "there")]).sent]
    assert all(later - earlier >= timedelta(minutes=1) for earlier, later in pairwise(times))


@given(STEPS)
def test_where_people_only_recover_less_than_twice_as_many_are_told_as_there_are(
    steps: list[Step],
) -> None:
    numbers = sorted((number for _, number, _ in steps), reverse=True)
    course = course_of(
        [(minutes, number, sender)
         for (minutes, _, sender), number in zip(steps, numbers, strict=True)]
    )  # fmt: skip
    assert all(note.people < 2 * left for _, note, left in course.sent)


@given(NUMBERS, NUMBERS)
def test_what_shrank_is_right_once_it_says_what_is_left(said: int, left: int) -> None:
    if is_shrunk(claim(people=said, left=left)):
        assert not is_shrunk(claim(people=left, left=left, fewest=left))
