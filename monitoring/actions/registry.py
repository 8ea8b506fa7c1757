"""Which deed does the work of which kind of action."""

from __future__ import annotations

from monitoring.actions.deed_hold import HoldDeed
from monitoring.actions.deed_interval import IntervalDeed
from monitoring.actions.deed_note import NoteDeed
from monitoring.actions.deed_reauthorize import ReauthorizeDeed
from monitoring.actions.deed_release import ReleaseDeed
from monitoring.actions.deed_silence import SilenceDeed
from monitoring.actions.deed_sync import SyncDeed
from monitoring.actions.deeds import ActionRefusedError, Deed

_deeds: dict[str, Deed] = {}


def deed_register(deed: Deed) -> None:
    """Have a deed do what its kind of action asks for. Named twice, the later one counts."""
    _deeds[deed.kind] = deed


def deed_of(kind: str) -> Deed:
    """Return the deed of a kind. Raises ActionRefusedError for one that nothing can do."""
    deed = _deeds.get(kind)
    if deed is None:
        raise ActionRefusedError("Choose what to do.", "kind")
    return deed


for _deed in (
    SyncDeed(),
    ReauthorizeDeed(),
    HoldDeed(),
    ReleaseDeed(),
    IntervalDeed(),
    SilenceDeed(),
    NoteDeed(),
):
    deed_register(_deed)
