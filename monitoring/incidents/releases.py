"""Which version of this service ran when: something that may have changed before an incident."""

from __future__ import annotations

from datetime import datetime

from monitoring.incidents.models import Release


def release_note(*, version: str, now: datetime) -> bool:
    """Note that a version runs from now on; tell whether it is another than before."""
    latest = Release.objects.order_by("-id").first()
    if latest is not None and latest.version == version:
        return False
    Release.objects.create(version=version[:60], started_at=now)
    return True
