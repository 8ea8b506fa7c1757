"""Creating, changing and deleting Events on somebody's behalf.

Each operation first makes sure that it may and can, and only then touches the table, so that a
refused one leaves nothing behind.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from simulator.identifiers import long_salesforce_id, salesforce_id
from simulator.model import Organization, SalesforceUser
from simulator.salesforce import errors, rules
from simulator.salesforce.schema import KEY_FIELD, event_fields
from simulator.salesforce.store import Row, new_row, system_stamp, user_stamps

if TYPE_CHECKING:
    from simulator.world import World


def is_visible(organization: Organization, user: SalesforceUser, row: Row) -> bool:
    """Own rows, all for an admin, and with shared calendars others' rows that are not private."""
    if user.admin or row["OwnerId"] == user.id:
        return True
    return organization.calendar_sharing == "read" and not row["IsPrivate"]


def may_edit(user: SalesforceUser, row: Row) -> bool:
    return user.admin or row["OwnerId"] == user.id


def event_find(organization: Organization, user: SalesforceUser, record_id: str) -> Row:
    """A live row this user sees; raises 404 for an unknown, hidden or deleted one."""
    row = organization.events.rows.get(long_salesforce_id(record_id))
    if row is None or not is_visible(organization, user, row):
        raise errors.not_found()
    if row["IsDeleted"]:
        raise errors.entity_is_deleted()
    return row


def events_with_key(organization: Organization, user: SalesforceUser, value: str) -> list[Row]:
    rows = organization.events.with_key(value)
    return [row for row in rows if is_visible(organization, user, row)]


def prepare_create(
    world: World, organization: Organization, user: SalesforceUser, body: Mapping[str, Any]
) -> Row:
    """The checked values of a new row."""
    values = rules.read_values(event_fields(organization.custom_fields), body, entity="Event")
    values.setdefault("OwnerId", user.id)
    values["OwnerId"] = values["OwnerId"] or user.id
    check_owner(world, organization, user, values["OwnerId"])
    check_key(organization, values, None)
    values |= rules.with_times({}, values, multiday=organization.limits.multiday_events)
    return values


def prepare_update(
    world: World,
    organization: Organization,
    user: SalesforceUser,
    row: Row,
    body: Mapping[str, Any],
) -> Row:
    """The checked values that a change brings to a row."""
    if not may_edit(user, row):
        raise errors.insufficient_access()
    values = rules.read_values(event_fields(organization.custom_fields), body, entity="Event")
    if values.get("OwnerId", row["OwnerId"]) != row["OwnerId"]:
        check_owner(world, organization, user, values["OwnerId"])
    check_key(organization, values, row["Id"])
    values |= rules.with_times(row, values, multiday=organization.limits.multiday_events)
    return values


def check_owner(
    world: World, organization: Organization, user: SalesforceUser, owner_id: str
) -> None:
    owner = world.find_salesforce_user(organization, owner_id)
    if owner is None:
        raise errors.invalid_reference("OwnerId")
    if not owner.active:
        raise errors.inactive_owner(owner_id)
    if owner_id != user.id and not user.admin:
        raise errors.insufficient_access()


def check_key(organization: Organization, values: Row, own_id: str | None) -> None:
    """Refuse a second row with the same key where the organization wants keys unique."""
    key = values.get(KEY_FIELD)
    if not key or not organization.unique_key:
        return
    others = [row["Id"] for row in organization.events.with_key(key) if row["Id"] != own_id]
    if others:
        raise errors.duplicate_value(KEY_FIELD, others[0])


def event_add(organization: Organization, values: Row, *, actor_id: str, now: datetime) -> Row:
    """Store prepared values as a new row."""
    number = organization.next_number("00U")
    record_id = salesforce_id("00U", organization.number, number)
    empty = dict.fromkeys(organization.custom_fields)
    row = new_row(record_id, {**empty, **values}, actor_id=actor_id, now=now)
    organization.events.add(row)
    return row


def event_change(
    organization: Organization, row: Row, values: Row, *, actor_id: str, now: datetime
) -> None:
    """Write prepared values as a user's change. Saving equal values moves the stamps as well."""
    organization.events.change(row, {**values, **user_stamps(actor_id, now)})


def event_touch(organization: Organization, row: Row, *, now: datetime) -> None:
    """Move SystemModstamp alone, as the system's own changes do."""
    organization.events.change(row, system_stamp(now))


def event_remove(
    organization: Organization, user: SalesforceUser, row: Row, *, now: datetime
) -> None:
    """Put a row into the recycle bin."""
    if not may_edit(user, row):
        raise errors.insufficient_access()
    organization.events.change(row, {"IsDeleted": True, **user_stamps(user.id, now)})
