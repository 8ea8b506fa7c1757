"""Single records: create, read, change, delete, upsert by key, and what was deleted or updated."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec

from simulator.messages import Answer
from simulator.model import Organization, SalesforceUser
from simulator.routing import Context
from simulator.salesforce import errors, records
from simulator.salesforce.errors import REST_JSON
from simulator.salesforce.query import attributes, user_row
from simulator.salesforce.schema import KEY_FIELD, Fields, event_fields, shown_value
from simulator.salesforce.store import Row
from simulator.times import parse_instant, salesforce_stamp, whole_second

FIRST_VERSION_WITH_UPSERT_BODY = 46


def session(context: Context) -> tuple[Organization, SalesforceUser]:
    """Where and on whose behalf a request works."""
    organization, _, user = context.salesforce_owner
    return organization, user


def body_of(context: Context) -> dict[str, Any]:
    try:
        body = context.call.json()
    except msgspec.DecodeError as error:
        raise errors.malformed_json(str(error)) from error
    if not isinstance(body, dict):
        raise errors.malformed_json("The HTTP entity body is required to be a JSON object")
    return body


def created(record_id: str, **more: Any) -> Answer:
    body = {"id": record_id, "success": True, "errors": [], **more}
    return Answer.of_json(body, 201, {**REST_JSON})


def create_event(context: Context) -> Answer:
    """POST sobjects/Event."""
    organization, user = session(context)
    values = records.prepare_create(context.world, organization, user, body_of(context))
    row = records.event_add(organization, values, actor_id=user.id, now=context.now)
    return created(row["Id"])


def get_event(context: Context) -> Answer:
    """GET sobjects/Event/<id>, all fields or those of `fields`."""
    organization, user = session(context)
    row = records.event_find(organization, user, context.captures["id"])
    return row_answer(context, organization, row)


def row_answer(context: Context, organization: Organization, row: Row) -> Answer:
    fields = event_fields(organization.custom_fields)
    names = asked_fields(context, fields)
    shown = {"attributes": attributes(context, "Event", row["Id"])}
    shown |= {name: shown_value(row.get(name)) for name in names}
    return Answer.of_json(shown, headers=REST_JSON)


def asked_fields(context: Context, fields: Fields) -> list[str]:
    asked = context.call.parameters.get("fields")
    if not asked:
        return [field.name for field in fields.values()]
    names = []
    for name in asked.split(","):
        if name.strip().lower() not in fields:
            raise errors.no_such_column(name.strip(), "Event")
        names.append(fields[name.strip().lower()].name)
    return names


def update_event(context: Context) -> Answer:
    """PATCH sobjects/Event/<id>."""
    organization, user = session(context)
    row = records.event_find(organization, user, context.captures["id"])
    check_unmodified(context, row)
    values = records.prepare_update(context.world, organization, user, row, body_of(context))
    records.event_change(organization, row, values, actor_id=user.id, now=context.now)
    return Answer(204)


def check_unmodified(context: Context, row: Row) -> None:
    """If-Unmodified-Since compares whole seconds with the last modification."""
    text = context.call.headers.get("if-unmodified-since")
    if text is None:
        return
    try:
        bound = parsedate_to_datetime(text)
    except ValueError as error:
        raise errors.refusal(400, "INVALID_HEADER", f"invalid date: {text}") from error
    if row["LastModifiedDate"] > bound:
        raise errors.precondition_failed()


def delete_event(context: Context) -> Answer:
    """DELETE sobjects/Event/<id>."""
    organization, user = session(context)
    row = records.event_find(organization, user, context.captures["id"])
    records.event_remove(organization, user, row, now=context.now)
    return Answer(204)


def with_key(context: Context) -> tuple[Organization, SalesforceUser, list[Row], str]:
    """The visible rows a key address names."""
    organization, user = session(context)
    field, value = context.captures["field"], context.captures["value"]
    if field.lower() != KEY_FIELD.lower() or KEY_FIELD not in organization.custom_fields:
        raise errors.no_such_key(field)
    return organization, user, records.events_with_key(organization, user, value), value


def choices(context: Context, rows: list[Row]) -> Answer:
    """300: the key fits several records."""
    urls = [attributes(context, "Event", row["Id"])["url"] for row in rows]
    return Answer.of_json(urls, 300, REST_JSON)


def get_by_key(context: Context) -> Answer:
    """GET sobjects/Event/<key field>/<value>."""
    organization, _, rows, _ = with_key(context)
    if not rows:
        raise errors.not_found()
    return row_answer(context, organization, rows[0]) if len(rows) == 1 else choices(context, rows)


def upsert_event(context: Context) -> Answer:
    """PATCH sobjects/Event/<key field>/<value>: 201 new, 200 or 204 changed, 300 several."""
    organization, user, rows, value = with_key(context)
    body = body_of(context)
    if KEY_FIELD in body:
        message = f"The {KEY_FIELD} field should not be specified in the sobject data."
        raise errors.refusal(400, "INVALID_FIELD", message, [KEY_FIELD])
    if len(rows) > 1:
        return choices(context, rows)
    if not rows:
        keyed = {**body, KEY_FIELD: value}
        values = records.prepare_create(context.world, organization, user, keyed)
        row = records.event_add(organization, values, actor_id=user.id, now=context.now)
        return created(row["Id"], created=True)
    check_unmodified(context, rows[0])
    values = records.prepare_update(context.world, organization, user, rows[0], body)
    records.event_change(organization, rows[0], values, actor_id=user.id, now=context.now)
    return updated(context, rows[0]["Id"])


def updated(context: Context, record_id: str) -> Answer:
    """Since API version 46 an updating upsert has a body."""
    version = float(context.captures["version"].removeprefix("v"))
    if version < FIRST_VERSION_WITH_UPSERT_BODY:
        return Answer(204)
    body = {"id": record_id, "success": True, "errors": [], "created": False}
    return Answer.of_json(body, headers=REST_JSON)


def delete_by_key(context: Context) -> Answer:
    """DELETE sobjects/Event/<key field>/<value>."""
    organization, user, rows, _ = with_key(context)
    if len(rows) > 1:
        return choices(context, rows)
    if not rows:
        raise errors.not_found()
    records.event_remove(organization, user, rows[0], now=context.now)
    return Answer(204)


def read_window(context: Context) -> tuple[datetime, datetime]:
    """The bounds of a replication request; start more than a minute before end, not too old."""
    organization, _ = session(context)
    start = parse_instant(context.call.parameters.get("start", ""))
    end = parse_instant(context.call.parameters.get("end", ""))
    if start is None or end is None:
        raise errors.refusal(400, "INVALID_REPLICATION_DATE", "invalid start or end date")
    if end - start <= timedelta(minutes=1):
        message = "startDate must be more than one minute before endDate"
        raise errors.invalid_replication_date(message)
    if start < context.now - timedelta(days=organization.limits.deleted_log_days):
        raise errors.invalid_replication_date("startDate is too far in the past")
    return whole_second(start), whole_second(end)


def changed_rows(context: Context, fits: Callable[[Row], bool]) -> list[Row]:
    """Rows of the window the session may see, oldest change first."""
    organization, user = session(context)
    start, end = read_window(context)
    table = organization.events
    rows = table.rows.values() if user.admin else table.of_owner(user.id)
    found = [row for row in rows if start <= row["SystemModstamp"] < end and fits(row)]
    return sorted(found, key=lambda row: (row["SystemModstamp"], row["Id"]))


def covered(context: Context) -> str:
    """Up to when a replication answer is complete; what is newer comes next time."""
    _, end = read_window(context)
    return salesforce_stamp(min(end, whole_second(context.now)))


def deleted_events(context: Context) -> Answer:
    """GET sobjects/Event/deleted/?start=&end=."""
    organization, _ = session(context)
    begins = context.now - timedelta(days=organization.limits.deleted_log_days)
    begins = max(begins, organization.events.log_begins or begins)
    rows = changed_rows(context, lambda r: r["IsDeleted"] and r["SystemModstamp"] >= begins)
    deleted = [
        {"id": row["Id"], "deletedDate": salesforce_stamp(row["SystemModstamp"])} for row in rows
    ]
    body = {
        "deletedRecords": deleted,
        "earliestDateAvailable": salesforce_stamp(begins),
        "latestDateCovered": covered(context),
    }
    return Answer.of_json(body, headers=REST_JSON)


def updated_events(context: Context) -> Answer:
    """GET sobjects/Event/updated/?start=&end=."""
    rows = changed_rows(context, lambda row: not row["IsDeleted"])
    body = {"ids": [row["Id"] for row in rows], "latestDateCovered": covered(context)}
    return Answer.of_json(body, headers=REST_JSON)


def get_user(context: Context) -> Answer:
    """GET sobjects/User/<id>."""
    organization, _ = session(context)
    person = context.world.find_salesforce_person(context.captures["id"])
    if person is None or person.organization != organization.slug:
        raise errors.not_found()
    row = user_row(person)
    shown = {"attributes": attributes(context, "User", row["Id"])}
    shown |= {name: shown_value(value) for name, value in row.items()}
    return Answer.of_json(shown, headers=REST_JSON)
