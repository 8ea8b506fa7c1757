"""Google's discovery document as JSON schemas that refuse what it does not know."""

from __future__ import annotations

import json
import re
from datetime import date, datetime
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from googleapiclient.discovery_cache import get_static_doc
from jsonschema import Draft202012Validator, FormatChecker

FORMATS = FormatChecker(formats=[])
SCHEMA_BY_PATH = [
    (re.compile(r"/calendar/v3/calendars/[^/]+/events$"), {"GET": "Events", "POST": "Event"}),
    (re.compile(r"/calendar/v3/calendars/[^/]+/events/[^/]+$"), {"*": "Event"}),
    (re.compile(r"/calendar/v3/calendars/[^/]+$"), {"*": "Calendar"}),
    (re.compile(r"/calendar/v3/users/me/calendarList$"), {"*": "CalendarList"}),
]


@FORMATS.checks("date-time", raises=ValueError)
def is_date_time(value: object) -> bool:
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


@FORMATS.checks("date", raises=ValueError)
def is_date(value: object) -> bool:
    return not isinstance(value, str) or bool(date.fromisoformat(value))


def converted(schema: dict[str, Any]) -> dict[str, Any]:
    """One discovery schema as JSON Schema; unknown properties are refused."""
    if "$ref" in schema:
        return {"$ref": f"#/$defs/{schema['$ref']}"}
    kind = schema.get("type", "any")
    if kind == "any":
        return {}
    result: dict[str, Any] = {"type": kind}
    if schema.get("format") in ("date", "date-time"):
        result["format"] = schema["format"]
    if kind == "array":
        result["items"] = converted(schema["items"])
    if kind == "object":
        properties = schema.get("properties", {})
        result["properties"] = {key: converted(value) for key, value in properties.items()}
        others = schema.get("additionalProperties")
        result["additionalProperties"] = converted(others) if others else False
    return result


@cache
def definitions() -> dict[str, Any]:
    schemas = json.loads(get_static_doc("calendar", "v3"))["schemas"]
    return {name: converted(schema) for name, schema in schemas.items()}


@cache
def validator(name: str) -> Draft202012Validator:
    schema = {"$ref": f"#/$defs/{name}", "$defs": definitions()}
    return Draft202012Validator(schema, format_checker=FORMATS)


def check(name: str, value: Any) -> None:
    """Raise jsonschema.ValidationError when the value is no such resource."""
    validator(name).validate(value)


def check_answer(method: str, url: str, status: int, body: bytes) -> str | None:
    """Check one HTTP answer of the Calendar API; returns the name of the schema it met."""
    if not 200 <= status < 300 or not body:
        return None
    path = urlsplit(url).path
    for pattern, names in SCHEMA_BY_PATH:
        name = names.get(method) or names.get("*")
        if pattern.match(path) and name:
            check(name, json.loads(body))
            return name
    return None
