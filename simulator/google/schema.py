"""What Google's own discovery document says a body may hold.

The document is the one inside the google-api-python-client wheel, so the simulator drops and
refuses exactly what the published schema does not know.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

import msgspec

PYTHON_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "array": (list,),
    "object": (dict,),
}


@cache
def schemas() -> dict[str, Any]:
    document = files("googleapiclient.discovery_cache.documents") / "calendar.v3.json"
    decoded: dict[str, Any] = msgspec.json.decode(document.read_bytes())["schemas"]
    return decoded


def known_part(name: str, body: dict[str, Any]) -> dict[str, Any]:
    """The body without properties the schema `name` lacks; nulls stay.

    Raises ValueError naming the property when a value has the wrong type.
    """
    return _known_object(schemas()[name], body, "")


def _known(schema: dict[str, Any], value: Any, path: str) -> Any:
    if value is None:
        return None
    if "$ref" in schema:
        schema = schemas()[schema["$ref"]]
    kind = schema.get("type", "any")
    if not _has_type(kind, value):
        raise ValueError(path or "body")
    if kind == "array":
        return [_known(schema["items"], item, path) for item in value]
    if kind == "object":
        return _known_object(schema, value, path)
    return value


def _has_type(kind: str, value: Any) -> bool:
    if kind in ("integer", "number") and isinstance(value, bool):
        return False
    return kind == "any" or isinstance(value, PYTHON_TYPES[kind])


def _known_object(schema: dict[str, Any], value: dict[str, Any], path: str) -> dict[str, Any]:
    properties = schema.get("properties", {})
    others = schema.get("additionalProperties")
    kept = {}
    for key, item in value.items():
        item_schema = properties.get(key, others)
        if item_schema is not None:
            kept[key] = _known(item_schema, item, f"{path}.{key}" if path else key)
    return kept
