"""Every kind of audit entry: its dotted name and the sentence the console shows."""

from __future__ import annotations

ACTIONS = {
    "person.sync_now": "asked for a sync now",
    "person.hold": "switched syncing off",
    "person.release": "switched syncing on again",
    "api_token.create": "made an API token",
}
