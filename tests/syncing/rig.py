"""One person between a running simulator and the engine, with a clock that tests move."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from accounts.models import Grant, Organization, Person, Provider
from simulator.requestlog import Entry
from simulator.running import SimulatorServer
from simulator.world import World
from syncing.engine.content import EventContent
from syncing.engine.fitting import for_google, for_salesforce
from syncing.engine.google_form import google_observed
from syncing.engine.observed import Present
from syncing.engine.run import run_pass
from syncing.engine.salesforce_form import salesforce_observed
from syncing.gate import run_here
from syncing.grants import connection_grant, credential_set
from syncing.models import EventLink
from syncing.providers.addresses import ProviderAddresses
from syncing.providers.sides import Providers
from syncing.reports import PassReport
from syncing.store import PassStore, load_work
from tests.factories import NOW, make_organization

ADA, BEN = "ada@acme.example", "ben@acme.example"
APART = ("private_google", "private_salesforce")


class MovableClock:
    """A clock that stands still until it is moved."""

    def __init__(self, start: datetime = NOW) -> None:
        self.time = start

    def __call__(self) -> datetime:
        return self.time

    def advance(self, **span: float) -> None:
        self.time += timedelta(**span)


def make_world(clock: Callable[[], datetime], key_pair: Any) -> World:
    world = World(clock=clock, key_pair=key_pair)
    world.add_organization("acme")
    world.add_person("acme", "Ada Lovelace", ADA, time_zone="Europe/Zurich")
    world.add_person("acme", "Ben Bitdiddle", BEN)
    return world


def adopt_organization(simulator: SimulatorServer, slug: str = "acme") -> dict[str, Person]:
    """Make the rows of a simulated organization, its credentials and connections; by e-mail."""
    settings = simulator.world.client_settings(slug, simulator.base_url)
    host = simulator.world.organization(slug).my_domain
    organization = make_organization(
        slug=slug, google_domain=settings["domain"], salesforce_host=host
    )
    set_credentials(organization, settings)
    return {each["email"]: adopt_person(organization, each) for each in settings["people"]}


def set_credentials(organization: Organization, settings: dict[str, Any]) -> None:
    google, salesforce = settings["google"], settings["salesforce"]
    both_grants = {**google["service_account"], "client_secret": google["client_secret"]}
    credential_set(
        organization=organization,
        provider=Provider.GOOGLE,
        client_id=google["client_id"],
        secret=json.dumps(both_grants),
    )
    credential_set(
        organization=organization,
        provider=Provider.SALESFORCE,
        client_id=salesforce["consumer_key"],
        secret=salesforce["private_key"],
    )


def adopt_person(organization: Organization, settings: dict[str, Any]) -> Person:
    person = Person.objects.create(
        organization=organization,
        email=settings["email"],
        name=settings["name"],
        time_zone=settings["time_zone"],
        salesforce_user_id=settings["salesforce_user_id"],
        salesforce_username=settings["salesforce_username"],
        created_at=NOW,
    )
    connection_grant(person=person, provider=Provider.GOOGLE, grant=Grant.DELEGATED, now=NOW)
    connection_grant(person=person, provider=Provider.SALESFORCE, grant=Grant.JWT, now=NOW)
    return person


@dataclass
class Rig:
    """`sync` runs one pass for a person; the rest looks at both sides."""

    simulator: SimulatorServer
    clock: MovableClock
    people: dict[str, Person]
    providers: Providers
    store: PassStore = field(default_factory=lambda: PassStore(run_here))

    @property
    def world(self) -> World:
        return self.simulator.world

    def sync(self, email: str = ADA, *, seconds: float = 45, **overrides: Any) -> PassReport:
        """Run one pass; the clock moves a minute before it, so that stamps differ."""
        self.clock.advance(minutes=1)
        person_id = self.people[email].pk
        arguments: dict[str, Any] = {
            "store": self.store,
            "providers": self.providers,
            "clock": self.clock,
            "remaining": self.countdown(seconds),
        }
        return run_pass(load_work([person_id])[person_id], **(arguments | overrides))

    def countdown(self, seconds: float) -> Callable[[], float]:
        """The seconds left of so many from now, as the rig's clock goes."""
        end = self.clock() + timedelta(seconds=seconds)
        return lambda: (end - self.clock()).total_seconds()

    def settle(self, email: str = ADA, passes: int = 3) -> list[PassReport]:
        """Sync until a pass writes nothing; fails when that takes more than so many passes."""
        reports = []
        for _ in range(passes + 1):
            self.simulator.log.clear()
            reports.append(self.sync(email))
            if not self.simulator.log.writes():
                return reports
        raise AssertionError(f"still writing after {passes} passes: {self.writes()}")

    def writes(self) -> list[Entry]:
        return self.simulator.log.writes()

    def operations(self) -> list[str]:
        return [entry.operation for entry in self.simulator.requests]

    def google(self, email: str = ADA) -> list[EventContent]:
        """What a person's Google calendar holds that is in scope, in the form of Salesforce."""
        apart = {link.google_event_id for link in self.links(email) if link.state in APART}
        items = (item for item in self.world.google_events(email) if item["id"] not in apart)
        seen = [google_observed(item) for item in items]
        return sorted(
            (for_salesforce(each.content) for each in seen if isinstance(each, Present)), key=repr
        )

    def salesforce(self, email: str = ADA) -> list[EventContent]:
        """The same of Salesforce, as it comes back from Google."""
        owner = self.people[email].salesforce_user_id
        apart = {link.salesforce_event_id for link in self.links(email) if link.state in APART}
        records = (row for row in self.world.salesforce_events(email) if row["Id"] not in apart)
        seen = [salesforce_observed(record, owner) for record in records]
        contents = (each.content for each in seen if isinstance(each, Present))
        return sorted((for_salesforce(for_google(content)) for content in contents), key=repr)

    def links(self, email: str = ADA) -> list[EventLink]:
        return list(EventLink.objects.filter(person=self.people[email]).order_by("pk"))


def make_rig(simulator: SimulatorServer, clock: MovableClock) -> Rig:
    addresses = ProviderAddresses(
        google_api_root=simulator.base_url,
        google_token_url=f"{simulator.base_url}/token",
        google_authorize_url=f"{simulator.base_url}/o/oauth2/v2/auth",
        salesforce_login_url=simulator.base_url,
    )
    return Rig(simulator, clock, adopt_organization(simulator), Providers(addresses))


def at(day: int, hour: int = 9, minute: int = 0) -> datetime:
    """A time in November 2026, UTC."""
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)
