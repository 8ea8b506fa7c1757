"""What is wrong with the service itself, told from measured facts. Pure.

Each trouble has a stable word for its cause. One that has begun ends a little below where it began,
so that it does not come and go.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

MINUTE = 60.0
# Work waits for so long, and nobody shows that they work.
NOBODY = 2 * MINUTE
# Work has waited for so long although somebody works; and so long it may wait for it to be over.
SLOW, IN_TIME = 10 * MINUTE, 5 * MINUTE
# Ticks fail for so long, one after the other.
FAILING = 2 * MINUTE
# No mail went out for so long, while some wait for another try.
NO_MAIL = 15 * MINUTE
# Single mailboxes refuse mails as well; so many were given up within an hour, and so many wait.
GIVEN_UP, WAITING = 5, 3
# Refused outcomes: so many, and which part of all.
REFUSED, REFUSED_SHARE, KEPT = 100, 0.2, 0.5


class Cause(StrEnum):
    """The stable words for what may be wrong."""

    INTAKE = "intake"
    TICK = "tick"
    WORKERS = "workers"
    QUEUE = "queue"
    MAIL = "mail"
    REFUSALS = "refusals"


@dataclass(frozen=True, slots=True)
class IntakeFacts:
    """Incidents of the intake: of everybody, and how many of single organizations.

    late    people of whom nothing was heard; `age` of the oldest incident, in seconds
    """

    everybody: bool = False
    organizations: int = 0
    late: int = 0
    age: float = 0.0
    incident: int | None = None


@dataclass(frozen=True, slots=True)
class MailFacts:
    """How mails go out. Ages are in seconds, None where there is nothing to be old.

    due_age     of the mail that is due for longest; mail or not, `work_age` of any message
    tried       mails that wait for another try, `unreached` of them because no server was there
    tried_age   of the oldest of them
    sent_age    since one was last sent
    """

    due_age: float | None = None
    work_age: float | None = None
    tried: int = 0
    unreached: int = 0
    tried_age: float | None = None
    sent_age: float | None = None
    sent: int = 0
    given_up: int = 0
    said: str = ""


@dataclass(frozen=True, slots=True)
class ServiceFacts:
    """The service at one moment. Ages are in seconds."""

    failed_steps: str = ""
    failing_age: float = 0.0
    queued: int = 0
    queue_age: float | None = None
    worker_age: float | None = None
    intake: IntakeFacts = field(default_factory=IntakeFacts)
    mail: MailFacts = field(default_factory=MailFacts)
    refused: int = 0
    taken: int = 0


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that is wrong, for `age` seconds, with the numbers that show it."""

    cause: Cause
    age: float = 0.0
    people: int = 0
    incident: int | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


def troubles(facts: ServiceFacts, known: Collection[str]) -> list[Trouble]:
    """Return all that is wrong; `known` are the causes of troubles that have begun."""
    work = list(work_trouble(facts, is_known=Cause.QUEUE in known))
    found = [*intake_trouble(facts.intake), *tick_trouble(facts), *work]
    # Where nobody works, no mail goes out either, and that is one trouble.
    if not any(trouble.cause is Cause.WORKERS for trouble in work):
        found += mail_trouble(facts.mail)
    return [*found, *refusal_trouble(facts, is_known=Cause.REFUSALS in known)]


def intake_trouble(intake: IntakeFacts) -> Iterator[Trouble]:
    if intake.everybody or intake.organizations:
        facts = {
            "everybody": intake.everybody,
            "organizations": intake.organizations,
            "late": intake.late,
        }
        yield Trouble(Cause.INTAKE, intake.age, intake.late, intake.incident, facts)


def tick_trouble(facts: ServiceFacts) -> Iterator[Trouble]:
    if facts.failed_steps and facts.failing_age >= FAILING:
        seconds = round(facts.failing_age)
        yield Trouble(
            Cause.TICK, facts.failing_age, facts={"steps": facts.failed_steps, "seconds": seconds}
        )


def work_trouble(facts: ServiceFacts, *, is_known: bool) -> Iterator[Trouble]:
    """Tell of work that nobody does, or else of work that is done too slowly."""
    ages = [age for age in (facts.queue_age, facts.mail.work_age) if age is not None]
    oldest = max(ages, default=0.0)
    measured = {"queued": facts.queued, "seconds": round(oldest)}
    if oldest >= NOBODY and is_deserted(facts.worker_age):
        seen = None if facts.worker_age is None else round(facts.worker_age)
        yield Trouble(Cause.WORKERS, oldest, facts=measured | {"worker_seconds": seen})
    elif facts.queue_age is not None and facts.queue_age >= (IN_TIME if is_known else SLOW):
        measured["seconds"] = round(facts.queue_age)
        yield Trouble(Cause.QUEUE, facts.queue_age, facts=measured)


def is_deserted(worker_age: float | None) -> bool:
    """Tell whether no worker has shown itself lately."""
    return worker_age is None or worker_age >= NOBODY


def mail_trouble(mail: MailFacts) -> Iterator[Trouble]:
    """Tell of mails that do not go out, whatever the reason; a single mailbox is none."""
    quiet = mail.sent_age is None or mail.sent_age >= NO_MAIL
    stuck = mail.unreached > 0 or mail.tried >= WAITING
    ages = [mail.tried_age if stuck else None, mail.due_age]
    oldest = max((age for age in ages if age is not None), default=0.0)
    refused = mail.given_up >= GIVEN_UP and mail.given_up >= mail.sent
    if (quiet and oldest >= NO_MAIL) or refused:
        measured = {
            "waiting": mail.tried,
            "given_up": mail.given_up,
            "seconds": round(oldest),
            "said": mail.said,
        }
        yield Trouble(Cause.MAIL, oldest if quiet else 0.0, facts=measured)


def refusal_trouble(facts: ServiceFacts, *, is_known: bool) -> Iterator[Trouble]:
    part = KEPT if is_known else 1.0
    many = facts.refused >= REFUSED * part
    share = facts.refused / (facts.refused + facts.taken) if facts.refused else 0.0
    if many and share >= REFUSED_SHARE * part:
        measured = {"refused": facts.refused, "taken": facts.taken, "share": round(share, 4)}
        yield Trouble(Cause.REFUSALS, facts=measured)
