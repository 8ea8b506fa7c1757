"""Which addresses are those of ordinary hosts of the internet. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

Network = IPv4Network | IPv6Network
# Of IPv6, where hosts of the internet are; and in it what stands for another address.
GLOBAL_UNICAST = IPv6Network("2000::/3")
STANDS_FOR_ANOTHER = (IPv6Network("2001::/32"), IPv6Network("2002::/16"))


def is_public(address: str) -> bool:
    """Tell whether an address is that of an ordinary host of the internet."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    if not found.is_global or found.is_multicast or found.is_reserved:
        return False
    if isinstance(found, IPv4Address):
        return True
    # This leaves out what carries an IPv4 address: mapped ones, those of NAT64, Teredo and 6to4.
    return found in GLOBAL_UNICAST and all(found not in each for each in STANDS_FOR_ANOTHER)


def is_allowed(host: str, port: int, address: str, allowed: Collection[str]) -> bool:
    """Tell whether a connection is fine: to a public address, or to what `allowed` names.

    `allowed` holds "host:port" and networks, like "chat.example:8443" and "10.20.0.0/16".
    """
    return is_public(address) or is_named(host, port, allowed) or is_within(address, allowed)


def is_named(host: str, port: int, allowed: Collection[str]) -> bool:
    return f"{host.strip('[]').lower()}:{port}" in {each.lower() for each in allowed}


def is_within(address: str, allowed: Collection[str]) -> bool:
    try:
        found: IPv4Address | IPv6Address = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(found in network for network in networks(allowed))


def networks(allowed: Collection[str]) -> Iterator[Network]:
    for each in allowed:
        if "/" in each:
            yield ipaddress.ip_network(each)


def allowed_check(allowed: Collection[str]) -> None:
    """Raise ValueError for an entry that is neither "host:port" nor a network."""
    for each in allowed:
        host, _, port = each.rpartition(":")
        if "/" in each:
            ipaddress.ip_network(each)
        elif not host or not port.isdigit():
            raise ValueError(f"{each!r} is neither host:port nor a network")
