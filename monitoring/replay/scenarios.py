"""The stories that can be played by name. To add one: a function that returns a Scenario. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

from monitoring.replay import answers
from monitoring.replay.scenario import GOOD, Answer, Scenario

HOUR = timedelta(hours=1)
# Friday 6 June 2008, 22:00 in San Francisco.
BEGAN = datetime(2008, 6, 7, 5, tzinfo=UTC)
# In a brown-out so many fail.
SHARE = 0.2

# What Salesforce answered in a bad night, and how often. Each could be read as a person's fault.
AMBIGUOUS = (
    (answers.LOGIN_REFUSED, 25),
    (answers.SESSION_ENDED, 20),
    (answers.MAINTENANCE, 20),
    (answers.SERVER_UNAVAILABLE, 15),
    (answers.BARE_GRANT, 10),
    (answers.INACTIVE_USER, 5),
    (answers.ROW_LOCKED, 5),
)


def ambiguous(random: Random) -> Answer:
    errors, weights = zip(*AMBIGUOUS, strict=True)
    return "failure", random.choices(errors, weights)[0]


def summer08() -> Scenario:
    ended = BEGAN + 8 * HOUR

    def answer(person_id: int, at: datetime, random: Random) -> Answer:
        return ambiguous(random) if BEGAN <= at < ended else GOOD

    return Scenario(
        name="summer08",
        title="June 2008: a bad night at Salesforce",
        start=BEGAN - 10 * HOUR,
        end=ended + 6 * HOUR,
        answer=answer,
        trouble=(BEGAN, ended),
    )


def brownout() -> Scenario:
    ended = BEGAN + 48 * HOUR

    def answer(person_id: int, at: datetime, random: Random) -> Answer:
        is_bad = BEGAN <= at < ended and random.random() < SHARE
        return ("failure", answers.BUSY) if is_bad else GOOD

    return Scenario(
        name="brownout",
        title="A slow brown-out: a fifth of all attempts fail for two days",
        start=BEGAN - 4 * HOUR,
        end=ended + 6 * HOUR,
        answer=answer,
        trouble=(BEGAN, ended),
    )


def brownout_people() -> Scenario:
    ended = BEGAN + 48 * HOUR

    def answer(person_id: int, at: datetime, random: Random) -> Answer:
        is_bad = BEGAN <= at < ended and person_id * SHARE % 1 < SHARE / 2
        return ("failure", answers.BUSY) if is_bad else GOOD

    return Scenario(
        name="brownout-people",
        title="A fifth of the people fail for two days, the others never",
        start=BEGAN - 4 * HOUR,
        end=ended + 6 * HOUR,
        answer=answer,
        trouble=(BEGAN, ended),
    )


def revoked_app() -> Scenario:
    repaired = BEGAN + 24 * HOUR

    def answer(person_id: int, at: datetime, random: Random) -> Answer:
        return ("failure", answers.APP_BLOCKED) if BEGAN <= at < repaired else GOOD

    return Scenario(
        name="revoked-app",
        title="The organization's app is revoked; an admin approves it again a day later",
        start=BEGAN - 4 * HOUR,
        end=repaired + 6 * HOUR,
        answer=answer,
        trouble=(BEGAN, repaired),
    )


def revoked_in_outage() -> Scenario:
    ended, revoked_at, person = BEGAN + 6 * HOUR, BEGAN + 3 * HOUR, 217

    def answer(person_id: int, at: datetime, random: Random) -> Answer:
        if BEGAN <= at < ended:
            return ambiguous(random)
        if person_id == person and at >= revoked_at:
            return "failure", answers.GRANT_REVOKED
        return GOOD

    return Scenario(
        name="revoked-in-outage",
        title="One person's access is revoked in the midst of an outage of the same provider",
        start=BEGAN - 4 * HOUR,
        end=ended + 6 * HOUR,
        answer=answer,
        trouble=(BEGAN, ended),
        alone=frozenset({person}),
    )


def flapping(name: str, minutes: int) -> Scenario:
    phase = timedelta(minutes=minutes)
    ended = BEGAN + 6 * HOUR // (2 * phase) * 2 * phase

    def answer(person_id: int, at: datetime, random: Random) -> Answer:
        is_bad = BEGAN <= at < ended and (at - BEGAN) // phase % 2 == 0
        return ambiguous(random) if is_bad else GOOD

    return Scenario(
        name=name,
        title=f"A provider that is down for {minutes} minutes, up for {minutes}, for hours",
        start=BEGAN - 4 * HOUR,
        end=ended + 4 * HOUR,
        answer=answer,
        trouble=(BEGAN, ended - phase),
    )


def newcomer() -> Scenario:
    person = 100

    def answer(person_id: int, at: datetime, random: Random) -> Answer:
        return ("failure", answers.API_OFF_FOR_USER) if person_id == person else GOOD

    return Scenario(
        name="newcomer",
        title="One new person who never succeeds, among healthy ones",
        start=BEGAN,
        end=BEGAN + 30 * HOUR,
        answer=answer,
        alone=frozenset({person}),
        newcomers=frozenset({person}),
    )


def clock_jump() -> Scenario:
    ahead = BEGAN, BEGAN + timedelta(minutes=20)

    def clock_error(at: datetime) -> timedelta:
        return HOUR if ahead[0] <= at < ahead[1] else timedelta()

    return Scenario(
        name="clock-jump",
        title="The clock of the ticks jumps an hour ahead, and back after twenty minutes",
        start=BEGAN - 4 * HOUR,
        end=BEGAN + 8 * HOUR,
        answer=lambda person_id, at, random: GOOD,
        clock_error=clock_error,
    )


SCENARIOS = {
    scenario.name: scenario
    for scenario in (
        summer08(),
        brownout(),
        brownout_people(),
        revoked_app(),
        revoked_in_outage(),
        flapping("flapping", 10),
        flapping("flapping-slowly", 25),
        newcomer(),
        clock_jump(),
    )
}
