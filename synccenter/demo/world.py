"""The providers' side of the demo: the simulated world and the faults planned in it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Any

from simulator.world import World
from synccenter.demo.cast import HOUSES, Part, players

SUBJECTS = (
    "Quarterly review",
    "Renewal call",
    "Onboarding",
    "Contract questions",
    "Demo for the buying team",
    "Weekly pipeline",
    "Site visit",
    "Budget talk",
)
# Faults that last as long as the simulator runs; who is hit by them stays hit.
FAULTS = {
    Part.TRIGGER: (
        {"ready": "salesforce-trigger"},
        {"ready": "salesforce-trigger", "operation": "salesforce.collection.*"},
    ),
    Part.QUOTA: ({"ready": "google-calendar-usage-limit"},),
    Part.MAINTENANCE: ({"ready": "salesforce-maintenance"},),
}


def build_world(now: datetime, random: Random) -> World:
    """Make everybody's accounts and calendars at both vendors, as the story leaves them."""
    world = World()
    for house in HOUSES:
        world.add_organization(house.slug, name=house.name, domain=house.domain)
        for player in players(house):
            world.add_person(house.slug, player.name, player.email, time_zone=house.time_zone)
            fill_calendars(world, player.email, now, random)
            if player.part is Part.REVOKED:
                world.google_revoke(player.email)
            if player.part is Part.DEACTIVATED:
                world.salesforce_set_user(player.email, active=False)
    maintenance_plan(world, now)
    return world


def maintenance_plan(world: World, now: datetime) -> None:
    """Announce a maintenance of the first organization's Salesforce, of the next Saturday night."""
    day = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    saturday = day + timedelta(days=(5 - day.weekday()) % 7)
    world.status_maintenance_plan(
        name="Infrastructure maintenance",
        starts=saturday + timedelta(hours=22),
        ends=saturday + timedelta(hours=26),
        organization=HOUSES[0].slug,
    )


def fill_calendars(world: World, email: str, now: datetime, random: Random) -> None:
    """Give a person some meetings on either side, none of them copied yet."""
    day = now.replace(hour=0, minute=0, second=0, microsecond=0)
    for _ in range(random.randint(2, 4)):
        start = day + timedelta(days=random.randint(1, 12), hours=random.randint(8, 16))
        world.google_create(
            email, summary=random.choice(SUBJECTS), start=start, end=start + timedelta(hours=1)
        )
    for _ in range(random.randint(1, 3)):
        start = day + timedelta(days=random.randint(1, 12), hours=random.randint(8, 16))
        world.salesforce_create(
            email,
            Subject=random.choice(SUBJECTS),
            StartDateTime=start,
            EndDateTime=start + timedelta(minutes=30),
        )


def planned_faults() -> Iterator[dict[str, Any]]:
    """Yield what to plan at the simulator's control endpoint each time it starts."""
    for house in HOUSES:
        for player in players(house):
            for fault in FAULTS.get(player.part, ()):
                yield fault | {"person": player.email}
