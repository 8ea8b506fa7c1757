"""Cutting a secret address out of what its server says of it. Pure."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from urllib.parse import unquote

# What is shorter is no secret, and would cut into words.
SHORTEST = 8
CUT = "\N{HORIZONTAL ELLIPSIS}"
SERVER = re.compile(r"[^/?]*")
BETWEEN = re.compile(r"[/?&=#:@;,\s]+")


def hidden(said: str, *addresses: str) -> str:
    """Return what a server said without the secret parts of addresses that it may have repeated.

    Those are what follows the server's name, all of it and its query, and each longer piece; of an
    address that is no web address, such as `pagerduty://…`, what stands for the server as well.
    """
    parts = {part for address in addresses for part in parts_of(address) if len(part) > 1}
    written = {form for part in parts for form in forms_of(part)}
    if not written:
        return said
    longest_first = sorted(written, key=len, reverse=True)
    return re.sub("|".join(map(re.escape, longest_first)), CUT, said, flags=re.IGNORECASE)


def parts_of(address: str) -> Iterator[str]:
    scheme, _, rest = address.partition("://")
    path = SERVER.sub("", rest, count=1)
    yield path
    yield from path.split("?", 1)
    secret = path if scheme.lower() in {"http", "https"} else rest
    yield from (each for each in BETWEEN.split(secret) if len(each) >= SHORTEST)


def forms_of(part: str) -> set[str]:
    """Return how a server may write a part: as it came or decoded, and that in HTML or JSON."""
    plain = {part, unquote(part)}
    in_html, in_json = map(html.escape, plain), (each.replace("/", "\\/") for each in plain)
    return plain.union(in_html, in_json)
