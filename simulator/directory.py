"""Who exists: organizations, people, and how each is found."""

from __future__ import annotations

import functools
import threading
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar, cast

from simulator.google.store import Calendar
from simulator.identifiers import salesforce_id, stable_digits, stable_token
from simulator.keys import KeyPair, generate_key_pair
from simulator.model import (
    CALENDAR_SCOPE,
    GoogleUser,
    Limits,
    Mail,
    Organization,
    Person,
    SalesforceUser,
)
from simulator.status.board import StatusBoard
from simulator.tokens import CodeTable, TokenTable

Clock = Callable[[], datetime]
Method = TypeVar("Method", bound=Callable[..., Any])
OUTBOX_SIZE = 10_000


def utc_now() -> datetime:
    return datetime.now(UTC)


class Directory:
    """Organizations by slug and host, people by e-mail, user id, user name and refresh token.

    `clock` answers the aware UTC time; `key_pair` signs for every organization's apps.
    """

    def __init__(self, *, clock: Clock = utc_now, key_pair: KeyPair | None = None) -> None:
        self.lock = threading.RLock()
        self.clock = clock
        self.clock_offset = timedelta(0)
        self.key_pair = key_pair or generate_key_pair()
        self.organizations: dict[str, Organization] = {}
        self.people: dict[str, Person] = {}
        self.outbox: deque[Mail] = deque(maxlen=OUTBOX_SIZE)
        self.tokens = TokenTable()
        self.codes = CodeTable()
        self.status = StatusBoard()
        self._people_of: dict[str, dict[str, Person]] = {}
        self._hosts: dict[str, Organization] = {}
        self._apps: dict[str, list[Organization]] = {}
        self._salesforce_users: dict[str, Person] = {}
        self._refresh_tokens: dict[str, Person] = {}

    def now(self) -> datetime:
        """The world's time, UTC."""
        return self.clock() + self.clock_offset

    def organization(self, slug: str) -> Organization:
        """Raises KeyError for an unknown slug."""
        return self.organizations[slug]

    def person(self, email: str) -> Person:
        """Raises KeyError for an unknown address."""
        return self.people[email.casefold()]

    def find_person(self, email: str | None) -> Person | None:
        return self.people.get(email.casefold()) if email else None

    def find_host(self, host: str) -> Organization | None:
        """The organization whose My Domain this is."""
        return self._hosts.get(host)

    def find_app(self, key: str | None) -> list[Organization]:
        """Those that know this OAuth client id, service account or consumer key."""
        return self._apps.get(key or "", [])

    def find_refresh_token(self, token: str) -> Person | None:
        """Whose this refresh token is or was; a revoked one still tells."""
        return self._refresh_tokens.get(token)

    def find_salesforce_person(self, key: str) -> Person | None:
        """By user id or user name."""
        return self._salesforce_users.get(key.casefold() if "@" in key else key)

    def find_salesforce_user(
        self, organization: Organization, user_id: str
    ) -> SalesforceUser | None:
        person = self._salesforce_users.get(user_id)
        if person is None or person.organization != organization.slug:
            return None
        return person.salesforce

    def people_of(self, slug: str) -> list[Person]:
        return list(self._people_of.get(slug, {}).values())

    def add_organization(
        self,
        slug: str,
        *,
        name: str | None = None,
        domain: str | None = None,
        my_domain: str | None = None,
        limits: Limits | None = None,
        **settings: Any,
    ) -> Organization:
        """A customer; `settings` are further fields of Organization."""
        with self.lock:
            number = len(self.organizations) + 1
            defaults = {
                "salesforce_id": salesforce_id("00D", number, 0),
                "google_client_id": f"{stable_digits(slug, 12)}.apps.googleusercontent.com",
                "google_client_secret": stable_token("GOCSPX-", slug, 35),
                "service_account_email": f"synccenter@{slug}-sync.iam.gserviceaccount.com",
                "service_account_public_key": self.key_pair.public_key,
                "consumer_key": stable_token("3MVG9", slug, 85),
                "consumer_secret": stable_token("", f"secret {slug}", 64).upper(),
                "consumer_public_key": self.key_pair.public_key,
                "created": self.now(),
            }
            organization = Organization(
                slug=slug,
                name=name or slug.capitalize(),
                number=number,
                domain=domain or f"{slug}.example",
                my_domain=my_domain or f"{slug}.my.salesforce.com",
                limits=limits or Limits(),
                **{**defaults, **settings},
            )
            self.register_organization(organization)
            return organization

    def register_organization(self, organization: Organization) -> None:
        self.organizations[organization.slug] = organization
        self._hosts[organization.my_domain] = organization
        for app in (
            organization.google_client_id,
            organization.service_account_email,
            organization.consumer_key,
        ):
            self._apps.setdefault(app, []).append(organization)

    def add_person(
        self,
        organization: str,
        name: str,
        email: str | None = None,
        *,
        time_zone: str = "UTC",
        google: bool = True,
        salesforce: bool = True,
        username: str | None = None,
        admin: bool = False,
        delegated: bool = True,
        preauthorized: bool = True,
    ) -> Person:
        """Somebody of an organization, by default with an account at both vendors.

        Both refresh tokens are the same in every world built alike.
        """
        with self.lock:
            owner = self.organization(organization)
            address = email or f"{name.casefold().replace(' ', '.')}@{owner.domain}"
            person = Person(organization, address, name, time_zone, self.now())
            if google:
                person.google = new_google_user(owner, address, delegated=delegated)
            if salesforce:
                user = new_salesforce_user(owner, address, username or address)
                user.admin, user.preauthorized = admin, preauthorized
                person.salesforce = user
            self.register_person(person)
            return person

    def register_person(self, person: Person) -> None:
        self.people[person.email.casefold()] = person
        self._people_of.setdefault(person.organization, {})[person.email] = person
        if person.google:
            for token in person.google.refresh_tokens:
                self._refresh_tokens[token] = person
        if person.salesforce:
            self._salesforce_users[person.salesforce.id] = person
            self._salesforce_users[person.salesforce.username.casefold()] = person
            for token in person.salesforce.refresh_tokens:
                self._refresh_tokens[token] = person

    def calendar(self, email: str, calendar_id: str = "primary") -> Calendar | None:
        """A calendar on this person's list; the primary one is made when first asked for."""
        person = self.person(email)
        if person.google is None:
            return None
        calendars = person.google.calendars
        if calendar_id == "primary" or calendar_id.casefold() == person.email.casefold():
            if person.email not in calendars:
                with self.lock:
                    calendars[person.email] = new_calendar(person)
            return calendars[person.email]
        return calendars.get(calendar_id)

    def add_calendar(
        self, email: str, calendar_id: str, *, summary: str, access_role: str = "owner"
    ) -> Calendar:
        """A secondary calendar of one person."""
        with self.lock:
            person = self.person(email)
            assert person.google is not None, f"{email} has no Google account"
            calendar = new_calendar(person)
            calendar.id, calendar.summary = calendar_id, summary
            calendar.access_role, calendar.primary = access_role, False
            person.google.calendars[calendar_id] = calendar
            return calendar


def new_google_user(organization: Organization, email: str, *, delegated: bool) -> GoogleUser:
    token = stable_token("1//0e", f"google {organization.slug} {email}", 100)
    return GoogleUser(
        id=stable_digits(email, 21),
        client_id=organization.google_client_id,
        refresh_tokens={token: [CALENDAR_SCOPE]},
        delegated=delegated,
    )


def new_salesforce_user(organization: Organization, email: str, username: str) -> SalesforceUser:
    number = organization.next_number("005")
    token = stable_token("5Aep861", f"salesforce {organization.slug} {email}", 87)
    return SalesforceUser(
        id=salesforce_id("005", organization.number, number),
        username=username,
        refresh_tokens=[token],
    )


def new_calendar(person: Person) -> Calendar:
    return Calendar(
        id=person.email, owner=person.email, summary=person.email, time_zone=person.time_zone
    )


def locked(method: Method) -> Method:
    """Let a method of a world run alone."""

    @functools.wraps(method)
    def run(self: Any, *args: Any, **kwargs: Any) -> Any:
        with self.lock:
            return method(self, *args, **kwargs)

    return cast(Method, run)
