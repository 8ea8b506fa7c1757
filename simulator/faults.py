"""Planned faults: which requests they hit and what becomes of those. Matching is pure.

A fault is one JSON object, see Fault; ready ones with bodies seen in the field are in
`ready_faults.py`.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any

import msgspec

from simulator.edits import check_edit


class Edit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A world's method by name and its arguments, see edits.py."""

    operation: str
    arguments: dict[str, Any] = {}


class Fault(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    rename={"starts": "from", "ends": "until"},
):
    """Who is hit (all conditions must hold) and what happens.

    `operation` is a glob such as `google.events.*`. `share` (0 to 1) picks that part of the
    `requests` or of the `people`, always the same ones. `count` is how many it hits at most.
    A `status` answers with `body` and `headers` in place of the work; `commit` does the work
    first. `edit` lets a user change something right before the work. `delay` waits so many
    seconds, `hang` never answers, `close` ends the connection without an answer, `reset` breaks
    it, `cut` sends that many bytes of the body and ends it.
    """

    id: str = ""
    name: str = ""
    operation: str = "*"
    provider: str | None = None
    organization: str | None = None
    person: str | None = None
    share: float = 1.0
    share_of: str = "requests"
    seed: int = 0
    starts: datetime | None = None
    ends: datetime | None = None
    count: int | None = None
    status: int | None = None
    body: str = ""
    headers: dict[str, str] = {}
    delay: float = 0.0
    hang: bool = False
    close: bool = False
    reset: bool = False
    cut: int | None = None
    commit: bool = False
    edit: Edit | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise ValueError("share must lie between 0 and 1")
        if self.share_of not in ("requests", "people"):
            raise ValueError("share_of must be requests or people")
        if self.delay < 0 or (self.cut or 0) < 0 or (self.count or 0) < 0:
            raise ValueError("delay, cut and count must not be negative")
        if self.status is not None and not 200 <= self.status <= 599:
            raise ValueError("status must lie between 200 and 599")
        if not self.has_effect:
            raise ValueError("a fault needs status, delay, hang, close, reset, cut or edit")
        if self.edit is not None:
            check_edit(self.edit.operation)

    @property
    def has_effect(self) -> bool:
        some = self.hang or self.close or self.reset or self.delay > 0
        return some or any(each is not None for each in (self.status, self.cut, self.edit))

    @property
    def breaks_wire(self) -> bool:
        """Whether the client gets no whole answer."""
        return self.hang or self.close or self.reset or self.cut is not None

    @property
    def replaces_work(self) -> bool:
        """Whether the request leaves no trace in the world."""
        silent = self.hang or self.close or self.reset or self.status is not None
        return silent and not self.commit


@dataclass(frozen=True)
class Subject:
    """What a fault is matched against; `number` counts this person's requests of the operation."""

    provider: str
    operation: str
    organization: str | None
    person: str | None
    at: datetime


def fault_from(values: Mapping[str, Any]) -> Fault:
    """A fault from JSON values; raises ValueError naming the field. Times need an offset."""
    try:
        fault = msgspec.convert(dict(values), Fault)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from error
    for bound in (fault.starts, fault.ends):
        if bound is not None and bound.tzinfo is None:
            raise ValueError("from and until need an offset")
    return fault


def matches(fault: Fault, subject: Subject) -> bool:
    """Whether the fault is about this request, its share and count left aside."""
    return (
        fault.provider in (None, subject.provider)
        and fault.organization in (None, subject.organization)
        and (fault.person is None or same_address(fault.person, subject.person))
        and (fault.starts is None or fault.starts <= subject.at)
        and (fault.ends is None or subject.at < fault.ends)
        and fnmatchcase(subject.operation, fault.operation)
    )


def same_address(one: str, other: str | None) -> bool:
    return other is not None and one.casefold() == other.casefold()


def in_share(fault: Fault, person: str | None, number: int) -> bool:
    """Whether the share includes the person's request of that number, by a seeded hash."""
    if fault.share >= 1:
        return True
    key = f"{fault.seed}|{fault.operation}|{person}"
    if fault.share_of == "requests":
        key = f"{key}|{number}"
    digest = hashlib.blake2b(key.encode(), digest_size=8).digest()
    return int.from_bytes(digest) < fault.share * 2**64


class FaultPlan:
    """The faults in force, oldest first; the first that fits a request hits it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: dict[str, Fault] = {}
        self._hits: dict[str, int] = {}
        self._seen: dict[tuple[str, str | None], int] = {}
        self._number = 0

    def add(self, fault: Fault) -> str:
        """Plan a fault; returns its id."""
        with self._lock:
            self._number += 1
            name = fault.id or f"fault-{self._number}"
            if name in self._faults:
                raise ValueError(f"there is a fault {name} already")
            self._faults[name] = msgspec.structs.replace(fault, id=name)
            self._hits[name] = 0
            return name

    def remove(self, fault_id: str) -> bool:
        with self._lock:
            return self._faults.pop(fault_id, None) is not None

    def clear(self) -> None:
        with self._lock:
            self._faults.clear()
            self._hits.clear()
            self._seen.clear()

    def all(self) -> list[tuple[Fault, int]]:
        """Each fault with how many requests it has hit."""
        with self._lock:
            return [(fault, self._hits[name]) for name, fault in self._faults.items()]

    def choose(self, subject: Subject) -> Fault | None:
        """The fault that hits this request, counted as a hit."""
        if not self._faults:
            return None
        with self._lock:
            for name, fault in self._faults.items():
                if matches(fault, subject) and self._takes(name, fault, subject.person):
                    self._hits[name] += 1
                    return fault
        return None

    def _takes(self, name: str, fault: Fault, person: str | None) -> bool:
        if fault.count is not None and self._hits[name] >= fault.count:
            return False
        key = (name, person)
        self._seen[key] = self._seen.get(key, 0) + 1
        return in_share(fault, person, self._seen[key])


def shown_fault(fault: Fault, hits: int) -> dict[str, Any]:
    """A fault as JSON, with its hits."""
    return {**msgspec.to_builtins(fault), "hits": hits}
