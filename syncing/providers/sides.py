"""Both sides of one person's pass, ready to be called."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from django.conf import settings

from syncing.providers.addresses import ProviderAddresses
from syncing.providers.google import GoogleCalendar, events_resource
from syncing.providers.salesforce import SalesforceEvents
from syncing.providers.tokens import Token, TokenSource, fetch_token
from syncing.providers.transport import Transport, Transports
from syncing.work import Access, PassWork


@dataclass(frozen=True, slots=True)
class Sides:
    """The two clients of a pass, and the tokens they use."""

    google: GoogleCalendar
    salesforce: SalesforceEvents
    google_tokens: TokenSource
    salesforce_tokens: TokenSource


class Providers:
    """The providers as one process reaches them. Made once, used by every thread."""

    def __init__(self, addresses: ProviderAddresses) -> None:
        self.addresses = addresses
        self._transports = Transports(addresses)

    @contextmanager
    def opened(
        self,
        work: PassWork,
        *,
        google: Access,
        salesforce: Access,
        remember: Callable[[Access, Token], None],
        now: datetime,
    ) -> Iterator[Sides]:
        """Give the clients for one pass. Sends nothing by itself."""
        events = events_resource(self.addresses.google_api_root)
        with self._transports.borrowed() as transport:

            def tokens_of(access: Access) -> TokenSource:
                fetch = partial(
                    fetch_token,
                    work,
                    access,
                    addresses=self.addresses,
                    transport=transport,
                    now=now,
                )
                return TokenSource(access, fetch, remember, now)

            google_tokens, salesforce_tokens = tokens_of(google), tokens_of(salesforce)
            yield Sides(
                google=GoogleCalendar(events, work.google_calendar_id, google_tokens, transport),
                salesforce=SalesforceEvents(
                    salesforce_tokens, transport, f"https://{work.salesforce_host}"
                ),
                google_tokens=google_tokens,
                salesforce_tokens=salesforce_tokens,
            )

    @contextmanager
    def transport(self) -> Iterator[Transport]:
        """Lend the HTTP clients for something else than a pass, with the same time-outs."""
        with self._transports.borrowed() as transport:
            yield transport

    @contextmanager
    def brief_transport(self, read_seconds: float) -> Iterator[Transport]:
        """Lend HTTP clients for calls that somebody waits for, with time-outs of their own."""
        with closing(Transport(self.addresses, read_seconds)) as transport:
            yield transport

    def close(self) -> None:
        """End the connections of all passes that are over."""
        self._transports.close()


def addresses_from_settings() -> ProviderAddresses:
    """Return where the settings say the providers are."""
    return ProviderAddresses(
        google_api_root=settings.GOOGLE_API_ROOT,
        google_token_url=settings.GOOGLE_TOKEN_URL,
        google_authorize_url=settings.GOOGLE_AUTHORIZE_URL,
        salesforce_login_url=settings.SALESFORCE_LOGIN_URL,
    )


def providers_from_settings() -> Providers:
    """Return the providers at the addresses of the settings."""
    return Providers(addresses_from_settings())
