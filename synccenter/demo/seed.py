"""The product's side of the demo: organizations, members, people, and their past."""

from __future__ import annotations

import json
from bisect import bisect
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import astuple
from datetime import datetime, timedelta
from functools import partial
from random import Random
from typing import Any

from django.contrib.auth import get_user_model
from django.db import transaction

from accounts.models import (
    Connection,
    ConnectionState,
    Grant,
    Member,
    Organization,
    Person,
    Provider,
)
from monitoring.alerts.silences import silence_place
from monitoring.errors.interpretation import built_in_rules
from monitoring.health.begin import health_begin
from monitoring.health.holds import hold_place
from monitoring.health.models import HoldAuthor
from monitoring.intake.record import ReportedOutcome, outcomes_record
from monitoring.outcomes.partitions import partitions_ensure
from simulator.world import World
from synccenter.demo.alerts import (
    look,
    look_for_incidents,
    next_look,
    outage_told,
    quiet_hours_set,
    tell,
)
from synccenter.demo.cast import HOUSES, LOGINS, PASSWORD, House, Part, players
from synccenter.demo.digest import CHOSEN, digest_choose, digest_due
from synccenter.demo.outage import TICK, outage_record
from synccenter.demo.past import DAYS, TROUBLE_STARTED, WAS_HELD, WENT_SILENT, PastRun, past_of
from synccenter.demo.trend import trend_record
from syncing.grants import connection_grant, credential_set

BATCH = 1_000
# Enough to find the demo made; nothing else creates this organization.
FIRST = HOUSES[0].slug

# All whom the outage hit had been synced again by then.
OUTAGE_OVER = timedelta(days=11)
QUIET_HOURS_SET = timedelta(days=10)
SILENCED = timedelta(hours=5)
DAY = timedelta(days=1)
# Before this it is only looked at the outage.
LOOKED_AT = timedelta(days=7)
# After so many in a row it is known what is the matter with somebody.
FIRST_FAILURES = 3

Cast = dict[Person, Part]
# Something that happened at a moment of the past, and what makes it so.
Happening = tuple[datetime, Callable[[datetime], object]]


def is_seeded() -> bool:
    return Organization.objects.filter(slug=FIRST).exists()


@transaction.atomic
def demo_seed(*, world: World, now: datetime, random: Random, say: Callable[[str], None]) -> None:
    """Make all rows of the demo, or none of them."""
    partitions_ensure(now, since=now - timedelta(days=DAYS + 1))
    cast: Cast = {}
    for house in HOUSES:
        settings = world.client_settings(house.slug)
        organization = organization_make(house, settings, now)
        cast |= people_make(organization, house, settings, now)
    members_make()
    say(f"{len(cast)} people in {len(HOUSES)} organizations")
    organizations = list(Organization.objects.filter(slug__in=[house.slug for house in HOUSES]))
    trend, morning = partial(trend_record, [each.pk for each in organizations]), digest_due(now)

    def morning_comes(at: datetime) -> None:
        """Note how people stood until then, which a digest tells, and write it."""
        trend(since=now - DAYS * DAY, until=at, now=now)
        tell(at)

    happened = [
        (
            now - OUTAGE_OVER,
            lambda at: outage_told(outage_record(organizations=organizations, now=now)),
        ),
        (now - QUIET_HOURS_SET, quiet_hours_set),
        (now - WAS_HELD, lambda at: holds_make(cast, now)),
        (now - SILENCED, lambda at: silence_make(cast, now)),
        (now - WENT_SILENT, look),
        (morning - CHOSEN, digest_choose),
        (morning, morning_comes),
    ]
    say(f"{past_record(cast, now, random, happened):,} outcomes of {DAYS} days")
    connections_settle(cast, now)
    trend(since=morning, until=now, now=now)


def organization_make(house: House, settings: dict[str, Any], now: datetime) -> Organization:
    organization = Organization.objects.create(
        slug=house.slug,
        name=house.name,
        google_domain=house.domain,
        salesforce_host=settings["salesforce"]["instance_url"].removeprefix("https://"),
        created_at=now - timedelta(days=DAYS + 10),
    )
    google, salesforce = settings["google"], settings["salesforce"]
    credential_set(
        organization=organization,
        provider=Provider.GOOGLE,
        client_id=google["client_id"],
        secret=json.dumps(google["service_account"] | {"client_secret": google["client_secret"]}),
    )
    credential_set(
        organization=organization,
        provider=Provider.SALESFORCE,
        client_id=salesforce["consumer_key"],
        secret=salesforce["private_key"],
    )
    return organization


def people_make(
    organization: Organization, house: House, settings: dict[str, Any], now: datetime
) -> Cast:
    """Make an organization's people and connect all but those who never were."""
    accounts = {account["email"]: account for account in settings["people"]}
    cast: Cast = {}
    for player in players(house):
        account = accounts[player.email]
        person = Person.objects.create(
            organization=organization,
            email=player.email,
            name=player.name,
            team=player.team,
            time_zone=house.time_zone,
            salesforce_user_id=account["salesforce_user_id"],
            salesforce_username=account["salesforce_username"],
            created_at=now - timedelta(days=DAYS),
        )
        cast[person] = player.part
        if player.part is not Part.NEVER:
            connect(person, player.part, now - timedelta(days=DAYS))
    running = [p.pk for p, part in cast.items() if part not in {Part.NEVER, Part.SILENT}]
    health_begin(running, now=now - timedelta(days=DAYS))
    return cast


def connect(person: Person, part: Part, at: datetime) -> None:
    """Grant both accesses. Who revoked theirs had given it by their own consent."""
    own = part is Part.REVOKED
    connection_grant(
        person=person,
        provider=Provider.GOOGLE,
        grant=Grant.REFRESH_TOKEN if own else Grant.DELEGATED,
        refresh_token="revoked-in-the-story" if own else "",
        now=at,
    )
    connection_grant(person=person, provider=Provider.SALESFORCE, grant=Grant.JWT, now=at)


def members_make() -> None:
    organizations = {
        o.slug: o for o in Organization.objects.filter(slug__in=[h.slug for h in HOUSES])
    }
    for login in LOGINS:
        first, _, last = login.name.partition(" ")
        user = get_user_model().objects.create_user(
            username=login.email,
            email=login.email,
            password=PASSWORD,
            first_name=first,
            last_name=last,
            is_staff=login.is_staff,
        )
        for slug, role in login.roles.items():
            Member.objects.create(
                user=user, organization=organizations[slug], role=role, time_zone=login.time_zone
            )


def past_record(
    cast: Cast, now: datetime, random: Random, happened: Iterable[Happening] = ()
) -> int:
    """Take everybody's past in, oldest first, as it would have come; return how many outcomes.

    What else happened is done as soon as all that ended before it has been taken in.
    """
    rules = built_in_rules()
    runs = [
        (run, person) for person, part in cast.items() for run in past_of(part, rules, now, random)
    ]
    runs.sort(key=lambda each: each[0].finished_at)
    outcomes = [reported(run, person) for run, person in runs]
    quiet = [person.pk for person, part in cast.items() if part is Part.SILENT]
    fixed = sorted([*happened, *looks_at(runs, cast, now)], key=lambda each: each[0])
    taken, past = 0, now - DAYS * DAY
    for at, happen in [*fixed, (now, None)]:
        while now - past < LOOKED_AT:
            due = next_look(past, quiet if now - past <= WENT_SILENT else ())
            if due is None or due >= at:
                break
            taken, past = take_until(outcomes, taken, due), due
            look(due)
        taken, past = take_until(outcomes, taken, at), at
        if happen is not None:
            happen(at)
    return len(outcomes)


def looks_at(
    runs: Sequence[tuple[PastRun, Person]], cast: Cast, now: datetime
) -> Iterator[Happening]:
    """Yield the looks after the first failures of whoever has a trouble; runs in order of time.

    Later ones change nothing. Where all of an organization fail it is looked after each.
    """
    lately = now - TROUBLE_STARTED[Part.MAINTENANCE]
    seen: Counter[Person] = Counter()
    for run, person in runs:
        started = TROUBLE_STARTED.get(cast[person])
        if run.error and run.finished_at > lately:
            yield run.finished_at + TICK, look_for_incidents
        elif (
            run.error
            and started
            and run.finished_at > now - started
            and seen[person] < FIRST_FAILURES
        ):
            seen[person] += 1
            yield run.finished_at + TICK, look


def is_of_trouble(run: PastRun, now: datetime, started: timedelta | None) -> bool:
    """Tell whether a run failed since somebody's trouble started."""
    return run.error is not None and started is not None and run.finished_at > now - started


def take_until(outcomes: Sequence[ReportedOutcome], taken: int, at: datetime) -> int:
    """Take in what ended before a moment; return how many outcomes are taken in then."""
    until = bisect(outcomes, at, key=lambda each: each.finished_at)
    take_in(outcomes[taken:until])
    return until


def take_in(outcomes: Sequence[ReportedOutcome]) -> None:
    for start in range(0, len(outcomes), BATCH):
        batch = outcomes[start : start + BATCH]
        outcomes_record(batch, now=batch[-1].finished_at)


def reported(run: Any, person: Person) -> ReportedOutcome:
    attempt_id, *rest = astuple(run)
    return ReportedOutcome(attempt_id, person.organization_id, person.pk, *rest)


def connections_settle(cast: Cast, now: datetime) -> None:
    """Let the connections say what the past proved or refused."""
    Connection.objects.filter(person__in=cast).update(
        state=ConnectionState.PROVEN, proven_at=now - timedelta(minutes=30)
    )
    refused = {Part.REVOKED: Provider.GOOGLE, Part.DEACTIVATED: Provider.SALESFORCE}
    for part, provider in refused.items():
        people = [person for person, played in cast.items() if played is part]
        Connection.objects.filter(person__in=people, provider=provider).update(
            state=ConnectionState.REFUSED,
            proven_at=now - TROUBLE_STARTED[part] - timedelta(hours=1),
            refused_at=now - TROUBLE_STARTED[part],
        )


def holds_make(cast: Cast, now: datetime) -> None:
    """Switch off whom an admin switched off."""
    author = get_user_model().objects.get(email=LOGINS[0].email)
    reasons = {
        Part.HELD: ("On parental leave; asked us to stop until back.", None),
        Part.HELD_FOR_A_WHILE: (
            "Moves to the Zurich office; calendars are being merged.",
            now + timedelta(days=9),
        ),
    }
    for person, part in cast.items():
        if part in reasons:
            reason, ends_at = reasons[part]
            hold_place(
                person=person,
                author_kind=HoldAuthor.MEMBER,
                author=author,
                author_name=author.get_full_name(),
                reason=reason,
                now=now - WAS_HELD,
                ends_at=ends_at,
            )


def silence_make(cast: Cast, now: datetime) -> None:
    """Mute the mails about whom something is being done for already."""
    author = get_user_model().objects.get(email=LOGINS[0].email)
    muted = [person for person, part in cast.items() if part is Part.QUOTA]
    silence_place(
        organization=muted[0].organization,
        author=author,
        author_name=author.get_full_name(),
        people=[person.pk for person in muted],
        reason="A larger Google quota is ordered; no need to hear of it until then.",
        ends_at=now + timedelta(days=4),
        now=now - SILENCED,
    )
