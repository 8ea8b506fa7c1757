"""A world as JSON: a short description to begin with, or all of one to go on with.

A description names organizations and people, with events if wanted:

    {"organizations": [{"slug": "acme", "domain": "acme.example"}],
     "people": [{"organization": "acme", "name": "Ada Lovelace", "email": "ada@acme.example",
                 "google_events": [{"summary": "…", "start": {"date": "2026-03-28"}, …}],
                 "salesforce_events": [{"Subject": "…", "ActivityDate": "2026-03-28", …}]}]}

Further keys are the arguments of `World.add_organization` and `World.add_person`. A kept world
has everything under the one key `kept`, private key included; access tokens are not kept.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import msgspec

from simulator.dispatch import Simulator
from simulator.keys import KeyPair
from simulator.messages import Refusal
from simulator.model import Limits, Organization, Person
from simulator.salesforce.schema import event_fields, read_value, shown_value
from simulator.status.board import StatusBoard
from simulator.world import World


class WorldFileError(ValueError):
    """The file does not describe a world; says what is wrong with it."""


class KeptOrganization(msgspec.Struct):
    """An organization without its events, and these as rows of JSON values."""

    organization: Organization
    rows: list[dict[str, Any]]


class KeptWorld(msgspec.Struct):
    key_pair: KeyPair
    organizations: list[KeptOrganization]
    people: list[Person]
    status: StatusBoard = msgspec.field(default_factory=StatusBoard)


class Description(msgspec.Struct, forbid_unknown_fields=True):
    organizations: list[dict[str, Any]]
    people: list[dict[str, Any]] = []
    key_pair: KeyPair | None = None


def read_world(path: Path) -> World:
    """The world a file describes or keeps; raises WorldFileError."""
    try:
        data = msgspec.json.decode(path.read_bytes())
    except (OSError, msgspec.DecodeError) as error:
        raise WorldFileError(f"{path}: {error}") from error
    return world_from(data)


def world_from(data: Any) -> World:
    """The same from decoded JSON."""
    try:
        if isinstance(data, dict) and "kept" in data:
            return restored(msgspec.convert(data["kept"], KeptWorld))
        return built(msgspec.convert(data, Description))
    except Refusal as refusal:
        raise WorldFileError(refusal.answer.body.decode()) from refusal
    except (msgspec.ValidationError, TypeError, KeyError, AssertionError) as error:
        raise WorldFileError(str(error)) from error


def built(description: Description) -> World:
    world = World(key_pair=description.key_pair)
    for values in description.organizations:
        limits = msgspec.convert(values.pop("limits", {}), Limits)
        world.add_organization(limits=limits, **values)
    for values in description.people:
        google = values.pop("google_events", [])
        salesforce = values.pop("salesforce_events", [])
        email = world.add_person(**values).email
        for content in google:
            world.google_create(email, **content)
        for row in salesforce:
            world.salesforce_create(email, **row)
    return world


def restored(kept: KeptWorld) -> World:
    world = World(key_pair=kept.key_pair)
    world.status = kept.status
    for each in kept.organizations:
        organization = each.organization
        fields = event_fields(organization.custom_fields)
        for row in each.rows:
            values = {name: read_value(fields[name.lower()], value) for name, value in row.items()}
            organization.events.add(values)
        world.register_organization(organization)
    for person in kept.people:
        world.register_person(person)
    return world


def keep_world(world: World) -> dict[str, Any]:
    """All of a world as JSON values, for `world_from`."""
    with world.lock:
        return {
            "kept": {
                "key_pair": msgspec.to_builtins(world.key_pair),
                "organizations": [kept_organization(o) for o in world.organizations.values()],
                "people": [kept_person(person) for person in world.people.values()],
                "status": msgspec.to_builtins(world.status),
            }
        }


def kept_organization(organization: Organization) -> dict[str, Any]:
    rows = [
        {name: shown_value(value) for name, value in row.items()}
        for row in organization.events.rows.values()
    ]
    values = {name: getattr(organization, name) for name in Organization.__slots__}
    values["events"] = {"log_begins": organization.events.log_begins}
    values["cursors"] = {}
    return {"organization": msgspec.to_builtins(values), "rows": rows}


def kept_person(person: Person) -> dict[str, Any]:
    values: dict[str, Any] = msgspec.to_builtins(person)
    for calendar in (values["google"] or {"calendars": {}})["calendars"].values():
        for event in calendar["events"].values():
            event["rendered"] = None
    return values


def save_world(world: World, path: Path) -> None:
    """Write a world so that a reader sees the old file or the new one, never half of it."""
    beside = path.with_name(f"{path.name}.new")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.encode(keep_world(world)))
    beside.replace(path)


class WorldKeeper:
    """Saves a served world now and then."""

    INTERVAL_SECONDS = 30.0

    def __init__(self, simulator: Simulator, path: Path) -> None:
        self.simulator = simulator
        self.path = path

    def save(self) -> None:
        save_world(self.simulator.world, self.path)

    async def run(self) -> None:
        """Save in intervals until cancelled."""
        while True:
            await asyncio.sleep(self.INTERVAL_SECONDS)
            self.save()
