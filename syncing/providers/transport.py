"""The HTTP clients of a pass, with connections that outlive it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from http.cookiejar import DefaultCookiePolicy
from queue import Empty, SimpleQueue
from urllib.request import getproxies

import requests

from syncing.providers.addresses import ProviderAddresses
from syncing.providers.wire import RecordingAdapter, RecordingHttp


class Transport:
    """The HTTP clients of one pass at a time: `google` for httplib2, `session` for requests.

    In the session, `token_adapter` carries what goes to Google's token endpoint and
    `salesforce_adapter` everything else. `read_seconds` is how long an answer may take, if not as
    long as in a pass.
    """

    def __init__(self, addresses: ProviderAddresses, read_seconds: float | None = None) -> None:
        loopback = addresses.salesforce_loopback
        local = bool(loopback)
        self.google = RecordingHttp(use_proxy=not local, read_seconds=read_seconds)
        self.token_adapter = RecordingAdapter(read_seconds=read_seconds)
        self.salesforce_adapter = RecordingAdapter(loopback, read_seconds=read_seconds)
        self.session = requests.Session()
        # The next pass is another person's: no cookie may outlive a request.
        self.session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
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
    """Transports that passes borrow, one at a time each, so that connections stay alive."""

    def __init__(self, addresses: ProviderAddresses) -> None:
        self._addresses = addresses
        self._idle: SimpleQueue[Transport] = SimpleQueue()

    @contextmanager
    def borrowed(self) -> Iterator[Transport]:
        """Lend a transport. One that is left by an exception is in an unknown state and closed."""
        try:
            transport = self._idle.get_nowait()
        except Empty:
            transport = Transport(self._addresses)
        try:
            yield transport
        except BaseException:
            transport.close()
            raise
        self._idle.put(transport)

    def close(self) -> None:
        """End the connections of all transports that are not lent."""
        while not self._idle.empty():
            self._idle.get().close()
