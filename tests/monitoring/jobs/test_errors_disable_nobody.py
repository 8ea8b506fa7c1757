"""Design, rule 1: every known error and random ones, for months, and nobody is switched off."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from monitoring.health.models import Health, Hold, HoldAuthor, Transition
from monitoring.jobs.models import Job
from monitoring.jobs.tick import tick
from tests.factories import NOW, make_organization, make_person
from tests.monitoring.errors.samples import samples
from tests.monitoring.incidents.makers import make_reported, make_running_people
from tests.monitoring.intake.makers import record

pytestmark = pytest.mark.django_db
DAYS = 100
CHANNELS = ("http-json", "oauth-json", "soap-fault", "html", "exception-text")


def known_errors() -> list[dict[str, Any]]:
    return [
        {name: sample[name] for name in ("provider", "channel", "status", "headers", "body")}
        | {"operation": "any"}
        for sample in samples()
    ]


def random_error(random: Random) -> dict[str, Any]:
    letters = [chr(random.randrange(1, 0x2FFF)) for _ in range(random.randrange(200))]
    return {
        "provider": random.choice(("google", "salesforce", "network")),
        "channel": random.choice(CHANNELS),
        "status": random.choice((None, *range(300, 600, 7))),
        "headers": {"retry-after": str(random.randrange(10**7))} if random.random() < 0.1 else {},
        "body": "".join(letters),
        "operation": "any",
    }


def errors_of(random: Random) -> Iterator[dict[str, Any]]:
    """Every known error in a random order, over and over, with random ones between."""
    known = known_errors()
    while True:
        random.shuffle(known)
        for error in known:
            yield error
            if random.random() < 0.3:
                yield random_error(random)


@pytest.mark.long
@pytest.mark.parametrize("seed", [2008, 2026])
def test_no_error_and_no_time_that_passes_ever_disables_anybody(seed: int) -> None:
    random = Random(seed)
    people = make_running_people(make_organization(), 12)
    errors = errors_of(random)
    fed = 0
    for day in range(DAYS):
        start = NOW + timedelta(days=day)
        # Days of failures only, of mixed luck, of silence.
        luck = random.choice((0.0, 0.0, 0.5, 0.9))
        outcomes = []
        for _ in range(0 if random.random() < 0.1 else 60):
            at = start + timedelta(seconds=random.randrange(80_000))
            fed += 1
            outcomes.append(make_drawn(random.choice(people), at, errors, random, luck))
        if outcomes:
            record(outcomes)
        Job.objects.all().delete()
        assert tick(start + timedelta(days=1)).failed_steps == []
    assert fed > 4_000 > 5 * len(known_errors())
    assert not Hold.objects.exists()
    assert not Health.objects.filter(status="disabled").exists()
    assert not Transition.objects.filter(to_status="disabled").exists()
    assert Transition.objects.filter(to_status="stalled").exists()


def make_drawn(
    person: Any, at: datetime, errors: Iterator[dict[str, Any]], random: Random, luck: float
) -> Any:
    if random.random() < luck:
        return make_reported(person, at)
    result = random.choice(("failure", "failure", "partial", "lost"))
    error = None if result == "lost" else next(errors)
    return make_reported(person, at, error, result=result)


@pytest.mark.parametrize(
    "changes",
    [{"author": None}, {"author_name": ""}, {"reason": ""}, {"author_kind": "system"}],
    ids=["no author", "no name", "no reason", "no human"],
)
def test_the_database_refuses_a_hold_without_a_human_author(
    changes: dict[str, Any], django_user_model: Any
) -> None:
    person = make_person()
    values = {
        "organization": person.organization,
        "person": person,
        "author_kind": HoldAuthor.MEMBER,
        "author": django_user_model.objects.create(username="casey"),
        "author_name": "Casey",
        "reason": "On leave",
        "started_at": NOW,
    }
    with pytest.raises(IntegrityError), transaction.atomic():
        Hold.objects.create(**values | changes)


def test_the_database_refuses_disabled_without_a_hold() -> None:
    person = make_person()
    with pytest.raises(IntegrityError), transaction.atomic():
        Health.objects.filter(person=person).update(status="disabled")
