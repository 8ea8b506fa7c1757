"""Fail whatever reaches for a name that is not this machine's own.

Loaded by `-p`, because Django's settings are read before any conftest.
"""

from __future__ import annotations

import ipaddress
import os
import socket
from typing import Any

import pytest

# The tick would have the vendors' pages asked what is planned; tests that want it say so.
os.environ["MAINTENANCE_ASK_HOURS"] = "0"
_getaddrinfo = socket.getaddrinfo


class NotLoopbackError(AssertionError):
    """A test tried to look up a host that is not loopback."""


def is_loopback(host: Any) -> bool:
    name = host.decode() if isinstance(host, bytes) else host
    if name in {None, "", "localhost"}:
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def guarded(host: Any, *arguments: Any, **options: Any) -> Any:
    if not is_loopback(host):
        raise NotLoopbackError(f"a test looked up {host!r}")
    return _getaddrinfo(host, *arguments, **options)


def pytest_configure(config: pytest.Config) -> None:
    socket.getaddrinfo = guarded


def pytest_unconfigure(config: pytest.Config) -> None:
    socket.getaddrinfo = _getaddrinfo
