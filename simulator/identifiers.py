"""Ids and tokens that look like the vendors' own."""

from __future__ import annotations

import hashlib
import uuid

BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
CHECKSUM = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"


def base62(number: int, width: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 62)
        digits = BASE62[digit] + digits
    return digits.rjust(width, "0")


def salesforce_id(prefix: str, organization: int, number: int) -> str:
    """An 18-character id: key prefix, instance, counter and the case checksum."""
    return long_salesforce_id(f"{prefix}{base62(organization, 4)}0{base62(number, 7)}")


def long_salesforce_id(short: str) -> str:
    """The 18-character form of a 15-character id; anything else comes back as it is."""
    if len(short) != 15:
        return short
    return short + "".join(
        CHECKSUM[sum(1 << place for place, sign in enumerate(chunk) if sign.isupper())]
        for chunk in (short[:5], short[5:10], short[10:])
    )


def google_event_id() -> str:
    """26 characters of the alphabet Google allows, never the same twice."""
    return uuid.uuid4().hex[:26]


def stable_digits(text: str, length: int) -> str:
    return str(int(hashlib.sha256(text.encode()).hexdigest(), 16))[:length]


def stable_token(prefix: str, text: str, length: int = 60) -> str:
    """A token that is the same in every run, so that stored grants outlive a restart."""
    return (prefix + hashlib.sha512(text.encode()).hexdigest())[:length]


def fresh_token(prefix: str) -> str:
    return prefix + uuid.uuid4().hex + uuid.uuid4().hex
