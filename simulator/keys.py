"""RSA key pairs for signed assertions, and reading such assertions."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa


@dataclass(frozen=True)
class KeyPair:
    """PEM texts: PKCS #8 private key and SubjectPublicKeyInfo public key."""

    private_key: str
    public_key: str

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(self.public_key.encode()).hexdigest()[:40]


def generate_key_pair() -> KeyPair:
    """A new 2048-bit RSA pair."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return KeyPair(private.decode(), public.decode())


def read_claims(assertion: str) -> dict[str, Any] | None:
    """The claims of an assertion whose signature nobody has checked, or None."""
    try:
        return jwt.decode(assertion, options={"verify_signature": False})
    except jwt.PyJWTError:
        return None


def is_signed_by(assertion: str, public_key: str) -> bool:
    """Whether the RS256 signature of the assertion is of that key."""
    try:
        jwt.api_jws.decode(assertion, public_key, algorithms=["RS256"])
    except jwt.PyJWTError:
        return False
    return True
