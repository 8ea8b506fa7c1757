"""The fields of the objects that can be asked for, and their values on the wire.

Names, types and lengths follow the Object Reference for Event, User, UserLogin and Organization.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from simulator.identifiers import long_salesforce_id
from simulator.salesforce import errors
from simulator.times import parse_instant, salesforce_stamp, whole_second

KEY_FIELD = "SyncCenter_Key__c"


@dataclass(frozen=True)
class Field:
    """One field: `kind` is string, textarea, id, boolean, int, date, datetime or picklist."""

    name: str
    kind: str = "string"
    length: int = 0
    writable: bool = False
    choices: tuple[str, ...] = ()
    external_id: bool = False
    default: Any = None

    @property
    def label(self) -> str:
        return self.name.removesuffix("__c").replace("_", " ")


Fields = dict[str, Field]


def table(*fields: Field) -> Fields:
    """Fields by lower-case name, because SOQL ignores case."""
    return {field.name.lower(): field for field in fields}


SYSTEM_FIELDS = (
    Field("CreatedDate", "datetime"),
    Field("CreatedById", "id"),
    Field("LastModifiedDate", "datetime"),
    Field("LastModifiedById", "id"),
    Field("SystemModstamp", "datetime"),
)
EVENT_FIELDS = table(
    Field("Id", "id"),
    Field("IsDeleted", "boolean", default=False),
    Field("Subject", "string", 255, True),
    Field("Location", "string", 255, True),
    Field("Description", "textarea", 32000, True),
    Field("StartDateTime", "datetime", 0, True),
    Field("EndDateTime", "datetime", 0, True),
    Field("DurationInMinutes", "int", 0, True),
    Field("ActivityDate", "date", 0, True),
    Field("ActivityDateTime", "datetime", 0, True),
    Field("IsAllDayEvent", "boolean", 0, True, default=False),
    Field("IsPrivate", "boolean", 0, True, default=False),
    Field("ShowAs", "picklist", 40, True, ("Busy", "OutOfOffice", "Free"), default="Busy"),
    Field("OwnerId", "id", 18, True),
    Field("WhoId", "id", 18, True),
    Field("WhatId", "id", 18, True),
    Field("Type", "string", 40, True),
    Field("IsReminderSet", "boolean", 0, True, default=False),
    Field("ReminderDateTime", "datetime", 0, True),
    Field("EventSubtype", "string", 40, default="Event"),
    Field("AccountId", "id"),
    Field("IsChild", "boolean", default=False),
    Field("IsGroupEvent", "boolean", default=False),
    Field("GroupEventType", "string", 40, default="0"),
    Field("IsArchived", "boolean", default=False),
    Field("IsRecurrence", "boolean", default=False),
    Field("RecurrenceActivityId", "id"),
    Field("IsRecurrence2", "boolean", default=False),
    Field("IsRecurrence2Exception", "boolean", default=False),
    Field("IsRecurrence2Exclusion", "boolean", default=False),
    Field("Recurrence2PatternText", "string", 512),
    Field("Recurrence2PatternStartDate", "datetime"),
    Field("Recurrence2PatternTimeZone", "string", 255),
    *SYSTEM_FIELDS,
)
USER_FIELDS = table(
    Field("Id", "id"),
    Field("Username", "string", 80),
    Field("Email", "string", 128),
    Field("Name", "string", 121),
    Field("FirstName", "string", 40),
    Field("LastName", "string", 80),
    Field("Alias", "string", 8),
    Field("IsActive", "boolean"),
    Field("UserType", "picklist"),
    Field("ProfileId", "id"),
    Field("TimeZoneSidKey", "picklist"),
    Field("LocaleSidKey", "picklist"),
    Field("LanguageLocaleKey", "picklist"),
    Field("FederationIdentifier", "string", 512),
    Field("LastLoginDate", "datetime"),
    *SYSTEM_FIELDS,
)
USER_LOGIN_FIELDS = table(
    Field("Id", "id"),
    Field("UserId", "id"),
    Field("IsFrozen", "boolean"),
    Field("IsPasswordLocked", "boolean"),
    Field("LastModifiedDate", "datetime"),
    Field("LastModifiedById", "id"),
)
ORGANIZATION_FIELDS = table(
    Field("Id", "id"),
    Field("Name", "string", 80),
    Field("InstanceName", "string", 5),
    Field("IsSandbox", "boolean"),
    Field("OrganizationType", "picklist"),
    Field("TimeZoneSidKey", "picklist"),
    Field("DefaultLocaleSidKey", "picklist"),
    Field("LanguageLocaleKey", "picklist"),
    Field("NamespacePrefix", "string", 15),
    *SYSTEM_FIELDS,
)


def event_fields(custom: tuple[str, ...]) -> Fields:
    """Event's fields in an organization with those custom text fields."""
    own = [Field(name, "string", 255, True, external_id=name == KEY_FIELD) for name in custom]
    return EVENT_FIELDS | table(*own)


def shown_value(value: Any) -> Any:
    """A stored value as JSON has it."""
    if isinstance(value, datetime):
        return salesforce_stamp(value)
    if isinstance(value, date):
        return value.isoformat()
    return value


def read_value(field: Field, value: Any) -> Any:
    """A JSON value as it is stored; raises when it does not fit the field."""
    if value is None or value == "":
        return field.default if field.kind == "boolean" else None
    reader = READERS.get(field.kind, read_text)
    return reader(field, value)


def read_text(field: Field, value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise errors.cannot_deserialize("string", value)
    text = str(value)
    if field.length and len(text) > field.length:
        raise errors.string_too_long(field.name, text, field.length)
    return text


def read_picklist(field: Field, value: Any) -> str:
    if field.choices and value not in field.choices:
        raise errors.bad_picklist_value(field.name, str(value))
    return read_text(field, value)


def read_id(field: Field, value: Any) -> str:
    if not isinstance(value, str) or len(value) not in (15, 18) or not value.isalnum():
        message = f"{field.label}: id value of incorrect type: {value}"
        raise errors.refusal(400, "MALFORMED_ID", message, [field.name])
    return long_salesforce_id(value)


def read_boolean(field: Field, value: Any) -> bool:
    if value in ("true", "false"):
        return bool(value == "true")
    if not isinstance(value, bool):
        raise errors.cannot_deserialize("boolean", value)
    return value


def read_int(field: Field, value: Any) -> int:
    if isinstance(value, str) and value.lstrip("-").isdigit():
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise errors.cannot_deserialize("int", value)
    return value


def read_date(field: Field, value: Any) -> date:
    try:
        return date.fromisoformat(str(value)[:10])
    except ValueError as error:
        raise errors.cannot_deserialize("date", value) from error


def read_datetime(field: Field, value: Any) -> datetime:
    """A time with an offset; one without is UTC, and so is a bare date."""
    text = str(value)
    instant = parse_instant(text)
    if instant is None:
        try:
            instant = datetime.fromisoformat(text).replace(tzinfo=UTC)
        except ValueError as error:
            raise errors.cannot_deserialize("datetime", value) from error
    return whole_second(instant)


READERS = {
    "picklist": read_picklist,
    "id": read_id,
    "boolean": read_boolean,
    "int": read_int,
    "date": read_date,
    "datetime": read_datetime,
}
