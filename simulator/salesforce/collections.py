"""sObject Collections: up to 200 records a call, each with a result of its own, in order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from simulator.messages import Answer
from simulator.routing import Context
from simulator.salesforce import errors, records
from simulator.salesforce.errors import REST_JSON, RestRefusal
from simulator.salesforce.schema import KEY_FIELD
from simulator.salesforce.sobjects import body_of, session

LARGEST = 200
ROLLED_BACK = {
    "statusCode": "ALL_OR_NONE_OPERATION_ROLLED_BACK",
    "message": "Record rolled back because not all records were valid and the request was using "
    "AllOrNone header",
    "fields": [],
}

Item = dict[str, Any]
Result = dict[str, Any]
Step = Callable[[], Result]
Prepare = Callable[[Item], Step]


def run(items: list[Item], prepare: Prepare, *, all_or_none: bool) -> Answer:
    """Prepare each record and carry it out; with `all_or_none` one refusal stops all."""
    if len(items) > LARGEST:
        message = f"You can have up to {LARGEST} records in a request"
        raise errors.refusal(400, "EXCEEDED_MAX_SIZE_REQUEST", message)
    if not all_or_none:
        return Answer.of_json([outcome(item, prepare) for item in items], headers=REST_JSON)
    steps: list[Step | Result] = [attempt(item, prepare) for item in items]
    refused = any(isinstance(step, dict) for step in steps)
    results = [
        step if isinstance(step, dict) else failed([ROLLED_BACK]) if refused else step()
        for step in steps
    ]
    return Answer.of_json(results, headers=REST_JSON)


def attempt(item: Item, prepare: Prepare) -> Step | Result:
    try:
        return prepare(item)
    except RestRefusal as refusal:
        return failed([refusal.as_item])


def outcome(item: Item, prepare: Prepare) -> Result:
    step = attempt(item, prepare)
    return step if isinstance(step, dict) else step()


def failed(problems: list[dict[str, Any]]) -> Result:
    return {"success": False, "errors": problems}


def succeeded(record_id: str, **more: Any) -> Result:
    return {"id": record_id, "success": True, "errors": [], **more}


def read_items(context: Context) -> tuple[list[Item], bool]:
    body = body_of(context)
    items = body.get("records")
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise errors.malformed_json("records: a list of records is required")
    for item in items:
        kind = item.get("attributes", {}).get("type")
        if kind != "Event":
            raise errors.invalid_type(str(kind))
    return items, body.get("allOrNone") is True


def create_many(context: Context) -> Answer:
    """POST composite/sobjects."""
    items, all_or_none = read_items(context)
    return run(items, lambda item: creation(context, item), all_or_none=all_or_none)


def creation(context: Context, item: Item, **more: Any) -> Step:
    organization, user = session(context)
    values = records.prepare_create(context.world, organization, user, item)

    def step() -> Result:
        row = records.event_add(organization, values, actor_id=user.id, now=context.now)
        return succeeded(row["Id"], **more)

    return step


def update_many(context: Context) -> Answer:
    """PATCH composite/sobjects: each record names its id."""
    items, all_or_none = read_items(context)
    return run(items, lambda item: modification(context, item), all_or_none=all_or_none)


def modification(context: Context, item: Item) -> Step:
    organization, user = session(context)
    body = {name: value for name, value in item.items() if name.lower() != "id"}
    record_id = next((value for name, value in item.items() if name.lower() == "id"), None)
    if not isinstance(record_id, str):
        raise errors.refusal(400, "MISSING_ARGUMENT", "Id not specified in an update call", ["Id"])
    row = records.event_find(organization, user, record_id)
    values = records.prepare_update(context.world, organization, user, row, body)

    def step() -> Result:
        records.event_change(organization, row, values, actor_id=user.id, now=context.now)
        return succeeded(row["Id"])

    return step


def upsert_many(context: Context) -> Answer:
    """PATCH composite/sobjects/Event/<key field>: each record carries its key."""
    organization, _ = session(context)
    field = context.captures["field"]
    if field.lower() != KEY_FIELD.lower() or KEY_FIELD not in organization.custom_fields:
        raise errors.no_such_key(field)
    items, all_or_none = read_items(context)
    seen: set[str] = set()
    return run(items, lambda item: insertion(context, item, seen), all_or_none=all_or_none)


def insertion(context: Context, item: Item, seen: set[str]) -> Step:
    """Create or change by key; `seen` are the keys of this request so far."""
    organization, user = session(context)
    key = item.get(KEY_FIELD)
    if not key:
        raise errors.refusal(400, "MISSING_ARGUMENT", f"{KEY_FIELD} not specified", [KEY_FIELD])
    if str(key) in seen:
        message = f"Duplicate external id specified: {key}"
        raise errors.refusal(400, "DUPLICATE_VALUE", message, [KEY_FIELD])
    seen.add(str(key))
    rows = records.events_with_key(organization, user, str(key))
    if not rows:
        return creation(context, item, created=True)
    if len(rows) > 1:
        message = f"{KEY_FIELD}: more than one record found for external id field"
        raise errors.refusal(400, "DUPLICATE_EXTERNAL_ID", message, [KEY_FIELD])
    values = records.prepare_update(context.world, organization, user, rows[0], item)

    def step() -> Result:
        records.event_change(organization, rows[0], values, actor_id=user.id, now=context.now)
        return succeeded(rows[0]["Id"], created=False)

    return step


def delete_many(context: Context) -> Answer:
    """DELETE composite/sobjects?ids=…&allOrNone=…."""
    given = context.call.parameters
    ids: list[Item] = [{"id": each} for each in given.get("ids", "").split(",") if each]
    if not ids:
        raise errors.refusal(400, "MISSING_ARGUMENT", "The ids parameter is required")
    all_or_none = given.get("allOrNone") == "true"
    return run(ids, lambda item: removal(context, item["id"]), all_or_none=all_or_none)


def removal(context: Context, record_id: str) -> Step:
    organization, user = session(context)
    row = records.event_find(organization, user, record_id)
    if not records.may_edit(user, row):
        raise errors.insufficient_access()

    def step() -> Result:
        records.event_remove(organization, user, row, now=context.now)
        return succeeded(row["Id"])

    return step
