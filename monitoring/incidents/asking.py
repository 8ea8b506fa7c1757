"""Ask a vendor's public status page how it is."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from datetime import datetime
from urllib.parse import urlsplit

import requests
import urllib3
from django.conf import settings
from requests.utils import get_environ_proxies

from monitoring.incidents.feeds import (
    MAX_PAYLOAD,
    NAMES,
    StatusReport,
    read_google_status,
    read_salesforce_status,
    unknown_status,
)

CONNECT_SECONDS, READ_SECONDS = 3.0, 5.0
TOTAL_SECONDS = 15.0
PIECE = 65_536
MY_DOMAIN = re.compile(r"[A-Za-z0-9-]{1,63}")

READERS: dict[str, Callable[[bytes, datetime], StatusReport]] = {
    "google": read_google_status,
    "salesforce": read_salesforce_status,
}


class NoAnswer(Exception):
    """The page gave nothing to read; the message says why."""


def status_ask(provider: str, *, salesforce_host: str = "", now: datetime) -> StatusReport:
    """Ask the status page of `google` or `salesforce` once. Never raises for what it meets.

    `salesforce_host` is the organization's My Domain host, which tells its instance. Without an
    answer the report is `unknown` and its headline says why. May take up to 15 seconds.
    """
    name = NAMES.get(provider)
    if name is None:
        return unknown_status(provider, "There is no status page to ask.")
    try:
        payload = fetched(status_address(provider, salesforce_host))
    except NoAnswer as reason:
        return unknown_status(provider, f"{name}'s status page did not answer: {reason}.")
    return READERS[provider](payload, now)


def status_address(provider: str, salesforce_host: str) -> str:
    """Return what to GET; raises NoAnswer where the instance is not known."""
    if provider == "google":
        return f"{settings.GOOGLE_STATUS_URL.rstrip('/')}/incidents.json"
    alias = salesforce_host.partition(".")[0]
    if not MY_DOMAIN.fullmatch(alias):
        raise NoAnswer("the organization's My Domain is not known")
    return f"{settings.SALESFORCE_STATUS_URL.rstrip('/')}/instanceAliases/{alias}/status"


def fetched(address: str) -> bytes:
    """Return the body of a good answer; raises NoAnswer for any other."""
    try:
        with requests.Session() as session:
            # The deployment's proxy counts; the passwords of whoever started it have no place here.
            session.trust_env = False
            session.proxies = proxies_for(address)
            session.verify = os.environ.get("REQUESTS_CA_BUNDLE") or True
            # Unpacked, a small answer could become a huge one; so it is asked for as it is.
            session.headers.update({"Accept-Encoding": "identity", "Accept": "application/json"})
            with session.get(
                address,
                timeout=(CONNECT_SECONDS, READ_SECONDS),
                stream=True,
                # A redirect is no answer: it may lead anywhere.
                allow_redirects=False,
            ) as response:
                return body_of(response)
    except (requests.Timeout, urllib3.exceptions.TimeoutError) as error:
        raise NoAnswer("it took too long") from error
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
        raise NoAnswer("the connection failed") from error


def proxies_for(address: str) -> dict[str, str]:
    """Return the proxies of the environment; a page on this machine is asked without."""
    is_local = urlsplit(address).hostname in {"127.0.0.1", "localhost", "::1"}
    return {} if is_local else get_environ_proxies(address)


def body_of(response: requests.Response) -> bytes:
    """Read at most MAX_PAYLOAD; what drips in slower than TOTAL_SECONDS allow is given up."""
    if response.status_code == 404:
        raise NoAnswer("it does not know what was asked for (HTTP 404)")
    if response.status_code != 200:
        raise NoAnswer(f"HTTP {response.status_code}")
    deadline = time.monotonic() + TOTAL_SECONDS
    body = bytearray()
    # Unlike iter_content, read1 returns with whatever has come and so lets the clock be seen.
    while piece := response.raw.read1(PIECE, decode_content=False):
        body += piece
        if len(body) > MAX_PAYLOAD:
            raise NoAnswer("it sent more than four megabytes")
        if time.monotonic() > deadline:
            raise NoAnswer("it took too long")
    return bytes(body)
