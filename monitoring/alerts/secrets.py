"""Where a chat or a webhook leads, and the keys that sign for it: kept encrypted, shown nowhere."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from accounts.credentials import decrypt, encrypt
from monitoring.alerts.models import Recipient

PREFIX = "whsec_"
KEY_BYTES = 32
# So long an old key goes on signing beside the new one.
OVERLAP = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Key:
    """A key that signs, until a moment where another has replaced it."""

    key: str = field(repr=False)
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Secret:
    """What is known of a destination that nobody is shown. `keys` of a webhook, newest first."""

    url: str = field(repr=False)
    keys: tuple[Key, ...] = ()

    def keys_at(self, now: datetime) -> list[str]:
        """Return the keys that sign a webhook now."""
        return [each.key for each in self.keys if each.until is None or each.until > now]


def secret_of(recipient: Recipient) -> Secret:
    """Return where a destination leads and its keys. Raises CredentialUnreadableError."""
    stored = json.loads(decrypt(recipient.secret or b""))
    keys = (Key(each["key"], moment(each["until"])) for each in stored.get("keys", []))
    return Secret(stored["url"], tuple(keys))


def moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def secret_stored(secret: Secret) -> bytes:
    """Return what to store of a secret."""
    keys = [
        {"key": each.key, "until": each.until.isoformat() if each.until else None}
        for each in secret.keys
    ]
    return encrypt(json.dumps({"url": secret.url} | ({"keys": keys} if keys else {})))


def new_key() -> str:
    """Return a key for signing, as Standard Webhooks writes one."""
    return PREFIX + base64.b64encode(os.urandom(KEY_BYTES)).decode()


def rotated(secret: Secret, key: str, now: datetime) -> Secret:
    """Return a secret whose webhooks a new key signs; the last one does so beside it for a day."""
    last: Sequence[Key] = [replace(each, until=now + OVERLAP) for each in secret.keys[:1]]
    return replace(secret, keys=(Key(key), *last))
