"""How a result is kept beside what was asked: as plain JSON, times in ISO 8601. Pure."""

from __future__ import annotations

from typing import Any

import msgspec


def as_json(result: object) -> dict[str, Any]:
    """Return a result, a dataclass, as it is stored; the `from_json` of its module reads it."""
    told: dict[str, Any] = msgspec.to_builtins(result)
    return told
