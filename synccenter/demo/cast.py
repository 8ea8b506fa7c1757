"""Who plays in the demo: 60 people in 3 organizations, and what is the matter with some of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

PASSWORD = "demo-password"  # noqa: S105 - printed for everybody who runs the demo


class Part(Enum):
    """What is the matter with a person."""

    WELL = "runs without trouble"
    REVOKED = "revoked the Google access"
    DEACTIVATED = "was deactivated in Salesforce"
    TRIGGER = "is in the team whose meetings a broken Apex trigger refuses"
    QUOTA = "is over a Google quota"
    MAINTENANCE = "can't be synced, because Salesforce is down for maintenance there"
    SILENT = "has not been heard of since last night"
    LAPTOP = "is synced by a laptop of their own, which is open only now and then"
    NO_CALENDAR = "had Google Calendar switched off for a day"
    NO_API = "could not use the API of Salesforce for a day"
    HELD = "was switched off by an admin"
    HELD_FOR_A_WHILE = "was switched off by an admin until a date"
    NEVER = "was never connected"


@dataclass(frozen=True, slots=True)
class House:
    """An organization of the demo. `parts` names who, of its people, is not well."""

    slug: str
    name: str
    time_zone: str
    people: tuple[str, ...]
    parts: dict[str, Part]

    @property
    def domain(self) -> str:
        return f"{self.slug}.example"


@dataclass(frozen=True, slots=True)
class Player:
    """One person of the demo."""

    name: str
    email: str
    team: str
    part: Part


@dataclass(frozen=True, slots=True)
class Login:
    """A member of the console: role by organization slug; support staff have none."""

    email: str
    name: str
    roles: dict[str, str]
    time_zone: str = "UTC"
    is_staff: bool = False


TEAMS = ("Field Sales", "Partners", "Customer Success", "Solutions")
TRIGGER_TEAM = "Renewals"


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(","))


HOUSES = (
    House(
        "acme",
        "Acme",
        "America/New_York",
        _names(
            "Ada Lovelace, Alan Turing, Annie Easley, Barbara Liskov, Betty Holberton,"
            "Blaise Pascal, Brian Kernighan, Charles Babbage, Claude Shannon, Cynthia Breazeal,"
            "Dana Scott,"
            "David Wheeler, Dennis Ritchie, Donald Knuth, Dorothy Vaughan, Edith Clarke,"
            "Edsger Dijkstra, Erna Hoover, Evelyn Boyd, Frances Allen, Frances Spence, Fred Brooks,"
            "Gene Amdahl, Gladys West, Grace Hopper, Hedy Lamarr, Ida Rhodes, Ivan Sutherland,"
            "Jean Bartik, Joan Clarke, John Backus, Judea Pearl, Karen Jones, Katherine Johnson,"
            "Ken Thompson, Kristen Nygaard, Leslie Lamport, Lynn Conway, Margaret Hamilton,"
            "Marlyn Meltzer, Mary Jackson, Mary Keller, Niklaus Wirth, Radia Perlman,"
            "Ruth Teitelbaum, Shafi Goldwasser, Susan Kare, Tony Hoare"
        ),
        {
            "Ada Lovelace": Part.REVOKED,
            "Charles Babbage": Part.DEACTIVATED,
            "Edith Clarke": Part.TRIGGER,
            "Gladys West": Part.TRIGGER,
            "Joan Clarke": Part.TRIGGER,
            "Katherine Johnson": Part.QUOTA,
            "Mary Keller": Part.SILENT,
            "Fred Brooks": Part.HELD,
            "Susan Kare": Part.HELD_FOR_A_WHILE,
            "Evelyn Boyd": Part.NEVER,
            "Kristen Nygaard": Part.NEVER,
            "Ruth Teitelbaum": Part.NEVER,
        },
    ),
    House(
        "globex",
        "Globex",
        "Europe/Zurich",
        _names(
            "Anita Borg, Carla Meninsky, Elizabeth Feinler, Jean Sammet, Kathleen Booth,"
            "Mary Shaw, Sandra Kurtzig, Sophie Wilson"
        ),
        {
            "Carla Meninsky": Part.REVOKED,
            "Kathleen Booth": Part.NO_CALENDAR,
            "Mary Shaw": Part.NO_API,
            "Sandra Kurtzig": Part.LAPTOP,
        },
    ),
    House(
        "initech",
        "Initech",
        "UTC",
        _names("Bill Gosper, Peter Naur, Tim Paterson, Ward Cunningham"),
        {
            "Bill Gosper": Part.MAINTENANCE,
            "Peter Naur": Part.MAINTENANCE,
            "Tim Paterson": Part.NEVER,
            "Ward Cunningham": Part.MAINTENANCE,
        },
    ),
)

LOGINS = (
    Login("admin@acme.example", "Casey Admin", {"acme": "owner"}, "America/New_York"),
    Login("viewer@acme.example", "Robin Viewer", {"acme": "viewer"}, "America/New_York"),
    Login("consultant@example.com", "Sam Consultant", {"globex": "admin", "initech": "admin"}),
    Login("support@example.com", "Pat Support", {}, is_staff=True),
)


def players(house: House) -> Iterator[Player]:
    """Yield an organization's people."""
    for number, name in enumerate(house.people):
        part = house.parts.get(name, Part.WELL)
        team = TRIGGER_TEAM if part is Part.TRIGGER else TEAMS[number % len(TEAMS)]
        email = f"{name.lower().replace(' ', '.')}@{house.domain}"
        yield Player(name, email, team, part)
