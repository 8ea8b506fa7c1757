"""The Events of one Salesforce organization in memory, with their delete log."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from simulator.salesforce.schema import EVENT_FIELDS, KEY_FIELD
from simulator.times import whole_second

Row = dict[str, Any]

EMPTY_EVENT: Row = {event_field.name: event_field.default for event_field in EVENT_FIELDS.values()}


@dataclass(slots=True)
class EventTable:
    """Rows by id, by owner and by key; deleted rows stay, as in the recycle bin."""

    rows: dict[str, Row] = field(default_factory=dict)
    by_owner: dict[str, dict[str, Row]] = field(default_factory=dict)
    by_key: dict[str, dict[str, Row]] = field(default_factory=dict)
    log_begins: datetime | None = None

    def add(self, row: Row) -> None:
        self.rows[row["Id"]] = row
        self._index(row)

    def live(self) -> Iterable[Row]:
        return (row for row in self.rows.values() if not row["IsDeleted"])

    def of_owner(self, owner_id: str) -> Iterable[Row]:
        """Rows of one owner, deleted ones too."""
        return self.by_owner.get(owner_id, {}).values()

    def with_key(self, value: str) -> list[Row]:
        """Live rows that carry this external id; case is ignored, as for any text field."""
        rows = self.by_key.get(value.casefold(), {})
        return [row for row in rows.values() if not row["IsDeleted"]]

    def change(self, row: Row, values: Mapping[str, Any]) -> None:
        """Write values into a row and keep the indexes true."""
        self._unindex(row)
        row.update(values)
        self._index(row)

    def _index(self, row: Row) -> None:
        self.by_owner.setdefault(row["OwnerId"], {})[row["Id"]] = row
        if row.get(KEY_FIELD):
            self.by_key.setdefault(row[KEY_FIELD].casefold(), {})[row["Id"]] = row

    def _unindex(self, row: Row) -> None:
        self.by_owner.get(row["OwnerId"], {}).pop(row["Id"], None)
        if row.get(KEY_FIELD):
            self.by_key.get(row[KEY_FIELD].casefold(), {}).pop(row["Id"], None)


def new_row(record_id: str, values: Mapping[str, Any], *, actor_id: str, now: datetime) -> Row:
    second = whole_second(now)
    return {
        **EMPTY_EVENT,
        **values,
        "Id": record_id,
        "CreatedDate": second,
        "CreatedById": actor_id,
        "LastModifiedDate": second,
        "LastModifiedById": actor_id,
        "SystemModstamp": second,
    }


def user_stamps(actor_id: str, now: datetime) -> Row:
    """What a user's own change moves."""
    second = whole_second(now)
    return {
        "LastModifiedDate": second,
        "LastModifiedById": actor_id,
        "SystemModstamp": second,
    }


def system_stamp(now: datetime) -> Row:
    """What a change by the system moves."""
    return {"SystemModstamp": whole_second(now)}
