"""Which operation a request is, and the surroundings it runs in."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from simulator.messages import Answer, Call
from simulator.model import GoogleUser, Organization, Person, SalesforceUser
from simulator.tokens import Grant
from simulator.world import World


@dataclass
class Context:
    """One request in its world, with whose it is as far as that is known."""

    world: World
    call: Call
    now: datetime
    captures: dict[str, str] = field(default_factory=dict)
    organization: Organization | None = None
    person: Person | None = None
    grant: Grant | None = None

    @property
    def google_owner(self) -> tuple[Organization, Person, GoogleUser]:
        """Whose Google request this is, once the guard let it pass."""
        user = self.person.google if self.person else None
        if self.organization is None or self.person is None or user is None:
            raise LookupError("a request nobody owns passed the guard")
        return self.organization, self.person, user

    @property
    def salesforce_owner(self) -> tuple[Organization, Person, SalesforceUser]:
        """Whose Salesforce request this is, once the guard let it pass."""
        user = self.person.salesforce if self.person else None
        if self.organization is None or self.person is None or user is None:
            raise LookupError("a request nobody owns passed the guard")
        return self.organization, self.person, user


Handler = Callable[[Context], Answer]


@dataclass(frozen=True)
class Route:
    """A method and a path such as `calendars/{calendar}/events`, and what serves it."""

    method: str
    pattern: str
    operation: str
    handler: Handler
    needs: str = ""

    @property
    def provider(self) -> str:
        return self.operation.partition(".")[0]

    @property
    def parts(self) -> list[str]:
        return [part for part in self.pattern.split("/") if part]


class Router:
    """Routes by method and number of path segments; the first that fits wins."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._routes: dict[tuple[str, int], list[tuple[Route, list[str]]]] = {}
        self._operations: dict[str, Route] = {}
        for route in routes:
            self._operations[route.operation] = route
            key = (route.method, len(route.parts))
            self._routes.setdefault(key, []).append((route, route.parts))

    @property
    def operations(self) -> list[str]:
        return sorted(self._operations)

    def find(self, call: Call) -> tuple[Route, dict[str, str]] | None:
        for route, parts in self._routes.get((call.method, len(call.segments)), ()):
            captures = fit(parts, call.segments)
            if captures is not None:
                return route, captures
        return None


def fit(parts: list[str], segments: list[str]) -> dict[str, str] | None:
    captures = {}
    for part, segment in zip(parts, segments, strict=True):
        if part.startswith("{"):
            captures[part[1:-1]] = segment
        elif part != segment:
            return None
    return captures
