from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.alerts.public_addresses import allowed_check, is_allowed, is_public

PUBLIC = ["1.1.1.1", "8.8.8.8", "93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946"]
REFUSED = {
    "loopback": "127.0.0.1",
    "all of loopback": "127.255.0.9",
    "private": "10.0.0.1",
    "private 172": "172.16.5.4",
    "private 192": "192.168.1.1",
    "link-local, where clouds keep secrets": "169.254.169.254",
    "shared by a carrier": "100.64.0.1",
    "unspecified": "0.0.0.0",
    "this network": "0.1.2.3",
    "multicast": "224.0.0.1",
    "broadcast": "255.255.255.255",
    "reserved": "240.0.0.1",
    "benchmarks": "198.18.0.1",
    "documentation": "203.0.113.9",
    "loopback 6": "::1",
    "unspecified 6": "::",
    "unique local": "fc00::1",
    "link-local 6": "fe80::1",
    "link-local 6 with a zone": "fe80::1%eth0",
    "site-local": "fec0::1",
    "multicast 6": "ff02::1",
    "mapped loopback": "::ffff:127.0.0.1",
    "mapped public": "::ffff:8.8.8.8",
    "NAT64": "64:ff9b::7f00:1",
    "NAT64 of a network": "64:ff9b:1::a00:1",
    "6to4": "2002:7f00:1::",
    "Teredo": "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "compatible": "::7f00:1",
    "documentation 6": "2001:db8::1",
    "no address": "localhost",
    "empty": "",
}


@pytest.mark.parametrize("address", PUBLIC)
def test_hosts_of_the_internet_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("case", REFUSED)
def test_everything_else_is_not(case: str) -> None:
    assert not is_public(REFUSED[case])


@given(st.ip_addresses(v=4))
def test_no_way_of_writing_a_private_address_in_another_is_public(
    address: ipaddress.IPv4Address,
) -> None:
    number = int(address)
    for written in (
        ipaddress.IPv6Address((0xFFFF << 32) | number),
        ipaddress.IPv6Address(number),
        ipaddress.IPv6Address((0x64FF9B << 96) | number),
        ipaddress.IPv6Address((0x2002 << 112) | (number << 80)),
    ):
        assert not is_public(str(written))


@given(st.ip_addresses())
def test_what_python_calls_private_is_never_public(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    if address.is_private or address.is_loopback or address.is_link_local or address.is_multicast:
        assert not is_public(str(address))


def test_what_the_operator_names_is_allowed_and_nothing_beside_it() -> None:
    allowed = ["Chat.Example:8443", "10.20.0.0/16", "[fd00::7]:443"]
    assert is_allowed("chat.example", 8443, "192.168.0.9", allowed)
    assert is_allowed("other.example", 443, "10.20.3.4", allowed)
    assert is_allowed("anything", 443, "1.1.1.1", [])
    assert not is_allowed("chat.example", 443, "192.168.0.9", allowed)
    assert not is_allowed("other.example", 443, "10.21.0.1", allowed)
    assert not is_allowed("other.example", 443, "no address", allowed)


@pytest.mark.parametrize("entry", ["chat.example", "chat.example:", ":443", "10.0.0.1/8", "x/8"])
def test_an_entry_that_names_nothing_is_refused(entry: str) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        allowed_check(["fine.example:443", "10.0.0.0/8", entry])
