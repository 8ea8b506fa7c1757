"""What was asked of the simulator, to assert on. Tokens and secrets never stay in it."""

from __future__ import annotations

import re
import threading
from collections import Counter, deque
from dataclasses import asdict, dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any

SECRET_FIELDS = re.compile(
    r"(?P<name>\b(?:access_token|refresh_token|client_secret|assertion|token|password|code|code_verifier)=)"
    r"[^&\s]+"
)
SECRET_SHAPES = re.compile(
    r"ya29\.[\w-]+|1//[\w-]+|00D\w{12}!\w[\w.]*|5Aep861\w+|GOCSPX-\w+"
    r"|eyJ[\w-]+\.[\w-]+\.[\w-]+"
)
READ_METHODS = ("GET", "HEAD")
SIZE = 50_000


def masked(text: str) -> str:
    """A query or body with secret fields, and whatever looks like a token, starred out."""
    if not text.startswith(("{", "[")):
        text = SECRET_FIELDS.sub(r"\g<name>***", text)
    return SECRET_SHAPES.sub("***", text)


@dataclass(slots=True)
class Entry:
    """One request. `status` stays None while it hangs or when nothing was answered.

    `batch` is the number of the batch request that carried it.
    """

    number: int
    at: datetime
    provider: str
    organization: str | None
    person: str | None
    operation: str
    method: str
    path: str
    query: str
    body: str
    status: int | None = None
    fault: str | None = None
    batch: int | None = None

    @property
    def is_write(self) -> bool:
        """Whether it would change calendars or records."""
        changing = self.method not in READ_METHODS and self.operation != "google.batch"
        return changing and (".event" in self.operation or ".collection" in self.operation)

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "at": self.at.isoformat()}


class RequestLog:
    """The newest entries, and a count by operation of all there ever were."""

    def __init__(self, size: int = SIZE) -> None:
        self._lock = threading.Lock()
        self._entries: deque[Entry] = deque(maxlen=size)
        self._number = 0
        self.counts: Counter[str] = Counter()

    def add(self, entry: Entry) -> Entry:
        with self._lock:
            self._number += 1
            entry.number = self._number
            self._entries.append(entry)
            self.counts[entry.operation] += 1
        return entry

    @property
    def total(self) -> int:
        """All requests since the last clear, dropped entries included."""
        return self.counts.total()

    def clear(self) -> None:
        with self._lock:
            self._entries.clear()
            self.counts.clear()

    def entries(
        self,
        *,
        operation: str = "*",
        person: str | None = None,
        organization: str | None = None,
        writes: bool = False,
    ) -> list[Entry]:
        """The entries kept, oldest first; `operation` is a glob."""
        with self._lock:
            found = list(self._entries)
        return [
            entry
            for entry in found
            if fnmatchcase(entry.operation, operation)
            and person in (None, entry.person)
            and organization in (None, entry.organization)
            and (entry.is_write or not writes)
        ]

    def writes(self) -> list[Entry]:
        """Requests that would change calendars or records."""
        return self.entries(writes=True)

    def __len__(self) -> int:
        return len(self._entries)
