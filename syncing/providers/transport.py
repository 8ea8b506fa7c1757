"""One kept-alive connection a provider and worker thread."""

from __future__ import annotations

import os
import threading
from urllib.request import getproxies

import requests

from syncing.providers.addresses import ProviderAddresses
from syncing.providers.wire import RecordingAdapter, RecordingHttp


class Transport:
    """The HTTP clients of one thread: `google` for httplib2, `session` for requests.

    In the session, `token_adapter` carries what goes to Google's token endpoint and
    `salesforce_adapter` everything else.
    """

    def __init__(self, addresses: ProviderAddresses) -> None:
        local = bool(addresses.salesforce_loopback)
        self.google = RecordingHttp(use_proxy=not local)
        self.token_adapter = RecordingAdapter()
        self.salesforce_adapter = RecordingAdapter(addresses.salesforce_loopback)
        self.session = requests.Session()
        # What trust_env would look up anew for every request is looked up once.
        self.session.trust_env = False
        self.session.verify = os.environ.get("REQUESTS_CA_BUNDLE") or True
        if not local:
            self.session.proxies = getproxies()
        self.session.mount("https://", self.salesforce_adapter)
        self.session.mount(addresses.google_token_url, self.token_adapter)

    def close(self) -> None:
        self.google.close()
        self.session.close()


class Transports:
    """A Transport for each thread that asks, made when first asked for."""

    def __init__(self, addresses: ProviderAddresses) -> None:
        self._addresses = addresses
        self._local = threading.local()
        self._lock = threading.Lock()
        self._all: list[Transport] = []

    def mine(self) -> Transport:
        transport: Transport | None = getattr(self._local, "transport", None)
        if transport is None:
            transport = self._local.transport = Transport(self._addresses)
            with self._lock:
                self._all.append(transport)
        return transport

    def close(self) -> None:
        """End all connections; for when no thread uses them any more."""
        with self._lock:
            while self._all:
                self._all.pop().close()
        self._local = threading.local()
