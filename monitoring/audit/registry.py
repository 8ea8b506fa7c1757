"""Every kind of audit entry: its dotted name and the sentence the console shows."""

from __future__ import annotations

ACTIONS = {
    "person.sync_now": "asked for a sync now",
    "person.hold": "switched syncing off",
    "person.release": "switched syncing on again",
    "incident.take": "took an incident",
    "incident.note": "wrote a note to an incident",
    "incident.recover": "asked for the recovery of those hit by an incident",
    "api_token.create": "made an API token",
}
