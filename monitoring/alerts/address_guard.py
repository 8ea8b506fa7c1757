"""Which addresses a message to a stranger's server may go to: public ones, over HTTPS.

What an admin enters must not lead into the network this service runs in. A name is resolved once
a connection, each address it has is judged, and the connection goes to one that was judged: asked
again, a name may answer otherwise. ALERT_TARGETS_ALLOWED names what is fine all the same.
"""

from __future__ import annotations

import socket
import threading
from concurrent.futures import Future
from typing import Any
from urllib.parse import SplitResult, urlsplit

from apprise.utils.http import HTTPPolicy
from django.conf import settings
from urllib3.util.connection import allowed_gai_family

from monitoring.alerts.public_addresses import is_allowed, is_named

# Seconds in which a name must be found.
RESOLVE_WITHIN = 5.0
# Looked up at once in a process, those included that nobody waits for any more: each is a thread.
MOST_LOOK_UPS = 256
# Of a name that is unknown and of one in a private network alike: nobody is to learn which.
NOWHERE = "no public server"
_free = threading.BoundedSemaphore(MOST_LOOK_UPS)


class AddressRefusedError(Exception):
    """An address nothing may be sent to; it is a sentence for the admin."""


class Guard(HTTPPolicy):
    """Lets connections through to addresses that are fine, each to one that was judged."""

    def __init__(self) -> None:
        super().__init__(  # type: ignore[no-untyped-call]  # as all of Apprise's
            url_filter=is_fine, resolve_timeout=RESOLVE_WITHIN
        )

    def resolve(self, host: str, port: int) -> list[Any]:
        """Return the addresses of a host one may connect to. Raises socket.gaierror for none."""
        fine = [
            answer
            for answer in addresses_of(host, port)
            if is_allowed(host, port, str(answer[4][0]), settings.ALERT_TARGETS_ALLOWED)
        ]
        if not fine:
            raise socket.gaierror(socket.EAI_NONAME, NOWHERE)
        return fine


def addresses_of(host: str, port: int) -> list[Any]:
    """Look a host up, for RESOLVE_WITHIN at most. Raises socket.gaierror where there is nothing.

    In a thread of its own, since nothing ends a look-up: with a few threads for all, somebody's
    slow names would keep the names of others from being found.
    """
    if not _free.acquire(blocking=False):
        raise socket.gaierror(socket.EAI_AGAIN, "too many names are looked up")
    found: Future[list[Any]] = Future()

    def look_up() -> None:
        try:
            asked = (host, port, allowed_gai_family(), socket.SOCK_STREAM)
            found.set_result(list(socket.getaddrinfo(*asked)))
        except Exception as error:  # noqa: BLE001 - told to who asked
            found.set_exception(error)
        finally:
            _free.release()

    try:
        threading.Thread(target=look_up, name="look-up", daemon=True).start()
    except RuntimeError as error:
        _free.release()
        raise socket.gaierror(socket.EAI_AGAIN, NOWHERE) from error
    try:
        return found.result(RESOLVE_WITHIN)
    except Exception as error:
        raise socket.gaierror(socket.EAI_NONAME, NOWHERE) from error


def is_fine(url: str) -> bool:
    """Tell whether an address is of the form of those that messages go to."""
    try:
        parts_of(url)
    except AddressRefusedError:
        return False
    return True


def parts_of(url: str) -> SplitResult:
    """Return the parts of an address of the right form. Raises AddressRefusedError."""
    try:
        parts = urlsplit(url)
        port = port_of(parts)
    except ValueError as error:
        raise AddressRefusedError("This is no web address.") from error
    host = parts.hostname
    if not host or port == 0 or any(character.isspace() for character in url):
        raise AddressRefusedError("This is no web address; one begins with https://.")
    if parts.username is not None or parts.password is not None:
        raise AddressRefusedError("The address must not hold a user name or a password.")
    is_plain = parts.scheme == "http" and is_named(host, port, settings.ALERT_TARGETS_ALLOWED)
    if parts.scheme != "https" and not is_plain:
        raise AddressRefusedError("The address must begin with https://.")
    return parts


def port_of(parts: SplitResult) -> int:
    return parts.port if parts.port is not None else 80 if parts.scheme == "http" else 443


def address_check(url: str) -> None:
    """Look a web address up and raise AddressRefusedError where nothing may be sent to it."""
    parts = parts_of(url)
    host_check(str(parts.hostname), port_of(parts))


def host_check(host: str, port: int) -> None:
    """Look a host up and raise AddressRefusedError where nothing may be sent to it."""
    allowed = settings.ALERT_TARGETS_ALLOWED
    try:
        found = addresses_of(host, port)
    except OSError:
        found = []
    # All of them, here: one that is not public is somebody's mistake, or worse.
    if not found or not all(is_allowed(host, port, str(each[4][0]), allowed) for each in found):
        raise AddressRefusedError(
            f"No public server is known under the name {host}. Whoever runs this service can allow"
            " one in a private network (ALERT_TARGETS_ALLOWED)."
        )
