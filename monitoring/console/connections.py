"""A person's two connections in words. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from accounts.models import ConnectionState, Grant, Provider
from monitoring.console.moments import brief, day
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
    """`when` belongs to the state: last proven good, or refused, for `because`."""

    provider: str
    look: Look
    when: Moment | None
    because: str
    grant: str


def connection_rows(
    rows: Iterable[Mapping[str, Any]],
    now: datetime,
    zone: tzinfo,
    refused: Mapping[str, str] | None = None,
    last_good: datetime | None = None,
) -> list[ConnectionRow]:
    """Return one row a provider, also for one that is not connected.

    `refused` says, by provider, why an access was refused, as far as that is known.
    `last_good` is when a run of ours last used both: its being proven is written down once a day.
    """
    found = {row["provider"]: row for row in rows}
    why = refused or {}
    return [
        connection_row(provider, found.get(provider), why.get(provider, ""), last_good, now, zone)
        for provider in Provider
    ]


def connection_row(
    provider: Provider,
    row: Mapping[str, Any] | None,
    refused: str,
    last_good: datetime | None,
    now: datetime,
    zone: tzinfo,
) -> ConnectionRow:
    if row is None:
        return ConnectionRow(provider.label, LOOKS["missing"], None, "", "")
    state, proven, granted = ConnectionState(row["state"]), row["proven_at"], row.get("granted_at")
    if proven and last_good:
        proven = max(proven, last_good)
    times = {ConnectionState.PROVEN: proven, ConnectionState.REFUSED: row["refused_at"]}
    grant = f"Granted {Grant(row['grant']).label}"
    if granted:
        grant += f", {day(granted, now, zone)}"
    because = ""
    if state == ConnectionState.REFUSED:
        last = f"last proven {brief(proven, now, zone)}" if proven else "never proven before"
        because = "; ".join(part for part in (refused, last) if part)
    return ConnectionRow(
        provider.label, LOOKS[state], past(times.get(state), now, zone), because, grant
    )
