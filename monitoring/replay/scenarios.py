"""The stories that can be played by name. To add one: a function that returns a Scenario. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

from monitoring.replay import answers
from monitoring.replay.scenario import GOOD, Answer, Scenario

HOUR = timedelta(hours=1)
# Friday 6 June 2008, 22:00 in San Francisco.
BEGAN = datetime(2008, 6, 7, 5, tzinfo=UTC)

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


SCENARIOS = {scenario.name: scenario for scenario in (summer08(),)}
