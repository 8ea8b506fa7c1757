"""The query resources: `query`, `queryAll` and the pages that follow."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

from simulator.identifiers import long_salesforce_id
from simulator.messages import Answer
from simulator.model import Organization, Person
from simulator.routing import Context
from simulator.salesforce import errors, filters, soql
from simulator.salesforce.errors import REST_JSON
from simulator.salesforce.records import is_visible
from simulator.salesforce.schema import (
    ORGANIZATION_FIELDS,
    USER_FIELDS,
    USER_LOGIN_FIELDS,
    Fields,
    event_fields,
    shown_value,
)
from simulator.salesforce.soql import Combination, Comparison, Query
from simulator.salesforce.store import Row

OPEN_CURSORS = 200
ENTITIES = {
    "event": "Event",
    "user": "User",
    "userlogin": "UserLogin",
    "organization": "Organization",
}

parse = lru_cache(maxsize=256)(soql.parse)


def run_query(context: Context) -> Answer:
    """GET query/?q=…: live rows."""
    return first_page(context, deleted=False)


def run_query_all(context: Context) -> Answer:
    """GET queryAll/?q=…: deleted rows too."""
    return first_page(context, deleted=True)


def first_page(context: Context, *, deleted: bool) -> Answer:
    text = context.call.parameters.get("q")
    if not text:
        raise errors.malformed_query("A query string has to be specified")
    query = parse(text)
    entity = ENTITIES.get(query.entity.lower())
    if entity is None:
        raise errors.invalid_type(query.entity)
    fields, rows = SOURCES[entity](context, query, deleted)
    matching = matching_rows(query, rows, fields, entity)
    if not query.fields:
        return page_answer(context, [], len(matching))
    columns = [column(name, fields, entity) for name in query.fields]
    records = [record(context, entity, row, columns) for row in matching]
    return page_answer(context, records, len(records))


def matching_rows(query: Query, rows: Iterable[Row], fields: Fields, entity: str) -> list[Row]:
    test = filters.compiled(query.condition, fields, entity)
    found = filters.sorted_rows(filter(test, rows), query.order, fields, entity)
    stop = None if query.limit is None else query.offset + query.limit
    return [dict(row) for row in found[query.offset : stop]]


def page_answer(context: Context, records: list[dict[str, Any]], total: int) -> Answer:
    """As many records as fit a page, and where the others are."""
    organization, _, _ = context.salesforce_owner
    size = page_size(context, organization)
    page, rest = records[:size], records[size:]
    body: dict[str, Any] = {"totalSize": total, "done": not rest}
    if rest:
        locator = keep_cursor(organization, rest, total)
        version = context.captures["version"]
        body["nextRecordsUrl"] = f"/services/data/{version}/query/{locator}"
    return Answer.of_json({**body, "records": page}, headers=REST_JSON)


def page_size(context: Context, organization: Organization) -> int:
    """The organization's page size, or a smaller one the client asks for."""
    options = context.call.headers.get("sforce-query-options", "")
    asked = options.replace(" ", "").partition("batchSize=")[2].partition(",")[0]
    most = organization.limits.query_page_size
    return min(int(asked), most) if asked.isdigit() and int(asked) > 0 else most


def keep_cursor(organization: Organization, rest: list[Any], total: int) -> str:
    """Remember what is left of a result; the oldest cursors are dropped."""
    while len(organization.cursors) >= OPEN_CURSORS:
        del organization.cursors[next(iter(organization.cursors))]
    locator = f"01g{uuid.uuid4().hex[:15]}-{total - len(rest)}"
    organization.cursors[locator] = [total, rest]
    return locator


def query_more(context: Context) -> Answer:
    """GET query/<locator>: the following page."""
    organization, _, _ = context.salesforce_owner
    found = organization.cursors.get(context.captures["locator"])
    if found is None:
        raise errors.refusal(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
    total, records = found
    return page_answer(context, records, total)


Reader = Callable[[Context, Row], Any]


def column(name: str, fields: Fields, entity: str) -> tuple[str, str | None, str]:
    """A selected column: its relation if it has one, and the field's proper name."""
    relation, separator, rest = name.partition(".")
    if separator and entity == "Event" and relation.lower() in RELATIONS:
        shown, id_field = RELATIONS[relation.lower()]
        return shown, id_field, filters.find_field(USER_FIELDS, rest, "User").name
    return "", None, filters.find_field(fields, name, entity).name


RELATIONS = {
    "owner": ("Owner", "OwnerId"),
    "createdby": ("CreatedBy", "CreatedById"),
    "lastmodifiedby": ("LastModifiedBy", "LastModifiedById"),
}


def record(
    context: Context, entity: str, row: Row, columns: list[tuple[str, str | None, str]]
) -> dict[str, Any]:
    """A row as an answer shows it."""
    shown: dict[str, Any] = {"attributes": attributes(context, entity, row["Id"])}
    for relation, id_field, name in columns:
        if id_field is None:
            shown[name] = shown_value(row.get(name))
            continue
        related = user_row_by_id(context, row.get(id_field))
        if related is None:
            shown[relation] = None
            continue
        part = shown.setdefault(
            relation, {"attributes": attributes(context, "User", related["Id"])}
        )
        part[name] = shown_value(related.get(name))
    return shown


def attributes(context: Context, entity: str, record_id: str) -> dict[str, str]:
    version = context.captures["version"]
    return {
        "type": entity,
        "url": f"/services/data/{version}/sobjects/{entity}/{record_id}",
    }


def event_source(context: Context, query: Query, deleted: bool) -> tuple[Fields, Iterable[Row]]:
    """Rows the session may see; one named owner or key spares looking at the others."""
    organization, _, user = context.salesforce_owner
    owner = equal_to(query, "ownerid")
    if owner is None and not user.admin and organization.calendar_sharing == "own":
        owner = user.id
    table = organization.events
    rows = table.rows.values() if owner is None else table.of_owner(owner)
    visible = (
        row
        for row in rows
        if (deleted or not row["IsDeleted"]) and is_visible(organization, user, row)
    )
    return event_fields(organization.custom_fields), visible


def equal_to(query: Query, name: str) -> str | None:
    """The value a top-level comparison pins this field to."""
    condition = query.condition
    parts = condition.parts if isinstance(condition, Combination) else (condition,)
    if isinstance(condition, Combination) and condition.operator != "AND":
        return None
    for part in parts:
        if isinstance(part, Comparison) and part.field.lower() == name and part.operator == "=":
            return long_salesforce_id(str(part.values[0].value))
    return None


def user_source(context: Context, query: Query, deleted: bool) -> tuple[Fields, Iterable[Row]]:
    people = salesforce_people(context, equal_to(query, "id") or equal_to(query, "username"))
    return USER_FIELDS, (user_row(person) for person in people)


def login_source(context: Context, query: Query, deleted: bool) -> tuple[Fields, Iterable[Row]]:
    """Only an admin may read UserLogin of others."""
    _, own, user = context.salesforce_owner
    people = salesforce_people(context, equal_to(query, "userid"))
    return USER_LOGIN_FIELDS, (login_row(p) for p in people if user.admin or p is own)


def organization_source(
    context: Context, query: Query, deleted: bool
) -> tuple[Fields, Iterable[Row]]:
    organization, _, _ = context.salesforce_owner
    return ORGANIZATION_FIELDS, [organization_row(organization)]


SOURCES = {
    "Event": event_source,
    "User": user_source,
    "UserLogin": login_source,
    "Organization": organization_source,
}


def salesforce_people(context: Context, pinned: str | None) -> list[Person]:
    """Everybody with a Salesforce user, or the one a query pins by id or user name."""
    organization, _, _ = context.salesforce_owner
    if pinned is not None:
        person = context.world.find_salesforce_person(pinned)
        return [person] if person and person.organization == organization.slug else []
    people = context.world.people_of(organization.slug)
    return [person for person in people if person.salesforce]


def user_row_by_id(context: Context, user_id: str | None) -> Row | None:
    person = context.world.find_salesforce_person(user_id or "")
    return user_row(person) if person else None


def user_row(person: Person) -> Row:
    user = person.salesforce
    assert user is not None
    first, _, last = person.name.rpartition(" ")
    changed = (user.changed or person.created).replace(microsecond=0)
    return {
        "Id": user.id,
        "Username": user.username,
        "Email": person.email,
        "Name": person.name,
        "FirstName": first or None,
        "LastName": last,
        "Alias": user.username[:8],
        "IsActive": user.active,
        "UserType": "Standard",
        "ProfileId": "00e000000000001AAA" if user.admin else "00e000000000002AAA",
        "TimeZoneSidKey": person.time_zone,
        "LocaleSidKey": "en_US",
        "LanguageLocaleKey": "en_US",
        "LastLoginDate": user.last_login,
        "CreatedDate": person.created,
        "LastModifiedDate": changed,
        "SystemModstamp": changed,
    }


def login_row(person: Person) -> Row:
    user = person.salesforce
    assert user is not None
    return {
        "Id": f"0Yw{user.id[3:]}",
        "UserId": user.id,
        "IsFrozen": user.frozen,
        "IsPasswordLocked": False,
        "LastModifiedDate": (user.changed or person.created).replace(microsecond=0),
    }


def organization_row(organization: Organization) -> Row:
    return {
        "Id": organization.salesforce_id,
        "Name": organization.name,
        "InstanceName": f"SIM{organization.number}",
        "IsSandbox": organization.sandbox,
        "OrganizationType": "Enterprise Edition",
        "TimeZoneSidKey": organization.time_zone,
        "DefaultLocaleSidKey": "en_US",
        "LanguageLocaleKey": "en_US",
        "CreatedDate": organization.created,
        "LastModifiedDate": organization.created,
        "SystemModstamp": organization.created,
    }
