"""The data a world is made of: organizations, people and what belongs to them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from simulator.google.store import Calendar
from simulator.salesforce.schema import KEY_FIELD
from simulator.salesforce.store import EventTable

CALENDAR_SCOPE = "https://www.googleapis.com/auth/calendar"
LOGIN_HOSTS = ("login.salesforce.com", "test.salesforce.com")


@dataclass(slots=True)
class Limits:
    """What an organization may do; None is no limit."""

    api_requests_per_day: int = 100_000
    query_page_size: int = 2000
    google_page_size: int = 2500
    google_requests_per_minute: int | None = None
    google_token_seconds: int = 3599
    salesforce_session_seconds: int = 7200
    deleted_log_days: int = 15
    multiday_events: bool = False


@dataclass(slots=True)
class ApiUsage:
    """Requests of the last 24 hours, counted by the minute."""

    total: int = 0
    buckets: list[tuple[int, int]] = field(default_factory=list)

    def current(self, now: datetime) -> int:
        oldest = int(now.timestamp()) // 60 - 1440
        while self.buckets and self.buckets[0][0] <= oldest:
            self.total -= self.buckets.pop(0)[1]
        return self.total

    def add(self, now: datetime, count: int = 1) -> None:
        minute = int(now.timestamp()) // 60
        self.total += count
        if self.buckets and self.buckets[-1][0] == minute:
            count += self.buckets.pop()[1]
        self.buckets.append((minute, count))


@dataclass(slots=True)
class GoogleUser:
    """A person's side at Google. `delegated`: the service account may act for them."""

    id: str
    client_id: str
    refresh_tokens: dict[str, list[str]] = field(default_factory=dict)
    delegated: bool = True
    deleted: bool = False
    calendars: dict[str, Calendar] = field(default_factory=dict)
    recent_requests: list[float] = field(default_factory=list)


@dataclass(slots=True)
class SalesforceUser:
    """A person's side at Salesforce. `admin` sees and edits everybody's records."""

    id: str
    username: str
    active: bool = True
    frozen: bool = False
    preauthorized: bool = True
    admin: bool = False
    refresh_tokens: list[str] = field(default_factory=list)
    last_login: datetime | None = None
    changed: datetime | None = None


@dataclass(slots=True)
class Person:
    """Somebody with a Google account, a Salesforce user, or both."""

    organization: str
    email: str
    name: str
    time_zone: str
    created: datetime
    google: GoogleUser | None = None
    salesforce: SalesforceUser | None = None


@dataclass(slots=True)
class Organization:
    """A customer: one Google domain and one Salesforce org, with the apps allowed into both.

    `redirect_uris` are registered with both apps; any address of this machine is so by itself.
    """

    slug: str
    name: str
    number: int
    domain: str
    my_domain: str
    salesforce_id: str
    google_client_id: str
    google_client_secret: str
    service_account_email: str
    service_account_public_key: str
    consumer_key: str
    consumer_secret: str
    consumer_public_key: str
    created: datetime
    time_zone: str = "UTC"
    sandbox: bool = False
    inactive: bool = False
    calendar_sharing: str = "own"
    redirect_uris: tuple[str, ...] = ()
    delegated_scopes: list[str] = field(default_factory=lambda: [CALENDAR_SCOPE])
    custom_fields: tuple[str, ...] = (KEY_FIELD,)
    unique_key: bool = False
    limits: Limits = field(default_factory=Limits)
    counters: dict[str, int] = field(default_factory=dict)
    events: EventTable = field(default_factory=EventTable)
    usage: ApiUsage = field(default_factory=ApiUsage)
    cursors: dict[str, list[Any]] = field(default_factory=dict)

    @property
    def login_host(self) -> str:
        return LOGIN_HOSTS[self.sandbox]

    @property
    def instance_key(self) -> str:
        """The name of its Salesforce instance, which it shares with nobody here."""
        return f"DEU{self.number}"

    def next_number(self, prefix: str) -> int:
        self.counters[prefix] = self.counters.get(prefix, 0) + 1
        return self.counters[prefix]


@dataclass(frozen=True, slots=True)
class Mail:
    """A message Google would have sent to guests."""

    at: datetime
    organization: str
    person: str
    kind: str
    event_id: str
    recipients: tuple[str, ...]
