"""The product's side of the demo: organizations, members, people, and their past."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from random import Random
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password
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
from monitoring.health.begin import health_begin
from monitoring.health.holds import hold_place
from monitoring.health.models import HoldAuthor
from monitoring.outcomes.partitions import partitions_ensure
from simulator.world import World
from synccenter.demo.alerts import outage_told, quiet_hours_set, tell
from synccenter.demo.cast import HOUSES, LOGINS, PASSWORD, House, Part, players
from synccenter.demo.course import DAY, Cast, past_record
from synccenter.demo.digest import CHOSEN, digest_choose, digest_due
from synccenter.demo.outage import outage_record
from synccenter.demo.past import (
    DAYS,
    SYNCED_ELSEWHERE,
    TROUBLE_STARTED,
    WAS_HELD,
)
from synccenter.demo.trend import trend_record
from syncing.grants import connection_grant, credential_set

# Enough to find the demo made; nothing else creates this organization.
FIRST = HOUSES[0].slug

# All whom the outage hit had been synced again by then.
OUTAGE_OVER = timedelta(days=11)
QUIET_HOURS_SET = timedelta(days=10)
SILENCED = timedelta(hours=5)


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
    running = [p.pk for p, part in cast.items() if part not in {Part.NEVER, *SYNCED_ELSEWHERE}]
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
    # Hashing is slow on purpose, and all of them have the same.
    password = make_password(PASSWORD)
    for login in LOGINS:
        first, _, last = login.name.partition(" ")
        user = get_user_model().objects.create(
            username=login.email,
            email=login.email,
            password=password,
            first_name=first,
            last_name=last,
            is_staff=login.is_staff,
        )
        for slug, role in login.roles.items():
            Member.objects.create(
                user=user, organization=organizations[slug], role=role, time_zone=login.time_zone
            )


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
