"""Encryption of what opens other people's calendars.

CREDENTIAL_KEYS lists Fernet keys, newest first: the first encrypts, all decrypt, so a key is
replaced by putting a new one in front and saving each secret again.
"""

from __future__ import annotations

from functools import cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings


class CredentialUnreadableError(Exception):
    """A stored secret can't be decrypted: the key that wrote it is missing in CREDENTIAL_KEYS."""


@cache
def _cipher(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])


def encrypt(secret: str) -> bytes:
    """Return the ciphertext to store."""
    return _cipher(tuple(settings.CREDENTIAL_KEYS)).encrypt(secret.encode())


def decrypt(ciphertext: bytes | memoryview) -> str:
    """Return the secret. Raises CredentialUnreadableError."""
    try:
        return _cipher(tuple(settings.CREDENTIAL_KEYS)).decrypt(bytes(ciphertext)).decode()
    except InvalidToken as error:
        raise CredentialUnreadableError(
            "A stored credential was written with a key that is not in CREDENTIAL_KEYS."
        ) from error
