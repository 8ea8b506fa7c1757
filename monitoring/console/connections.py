"""A person's two connections in words. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from accounts.models import ConnectionState, Grant, Provider
from monitoring.console.rows import Moment, past
from monitoring.console.wording import Look

LOOKS = {
    "proven": Look("Proven", "healthy", "success"),
    "granted": Look("Not used yet", "never_connected", "neutral"),
    "refused": Look("Refused", "stalled", "error"),
    "missing": Look("Not connected", "never_connected", "neutral"),
}


@dataclass(frozen=True, slots=True)
class ConnectionRow:
    """`when` belongs to the state: last proven good, or refused."""

    provider: str
    look: Look
    when: Moment | None
    grant: str


def connection_rows(
    rows: Iterable[Mapping[str, Any]], now: datetime, zone: tzinfo
) -> list[ConnectionRow]:
    """Return one row a provider, also for one that is not connected."""
    found = {row["provider"]: row for row in rows}
    return [connection_row(provider, found.get(provider), now, zone) for provider in Provider]


def connection_row(
    provider: Provider, row: Mapping[str, Any] | None, now: datetime, zone: tzinfo
) -> ConnectionRow:
    if row is None:
        return ConnectionRow(provider.label, LOOKS["missing"], None, "")
    state = ConnectionState(row["state"])
    times = {ConnectionState.PROVEN: row["proven_at"], ConnectionState.REFUSED: row["refused_at"]}
    grant = f"Granted {Grant(row['grant']).label}"
    return ConnectionRow(provider.label, LOOKS[state], past(times.get(state), now, zone), grant)
