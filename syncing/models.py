"""What the engine remembers between passes."""

from __future__ import annotations

from django.db import models

from accounts.tenancy import TenantModel


class EventLink(TenantModel):
    """One event known on both sides, with the content both last agreed on.

    `base` is the canonical content (`syncing.engine`), which tells which side changed without
    trusting either clock. Private events are never linked, so nothing of them is stored.
    """

    person = models.ForeignKey("accounts.Person", models.CASCADE, related_name="event_links")
    google_event_id = models.CharField(max_length=1024)
    salesforce_event_id = models.CharField(max_length=18)
    base = models.JSONField()
    google_etag = models.CharField(max_length=64, blank=True)
    salesforce_stamp = models.CharField(max_length=40, blank=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["person", "google_event_id"], name="link_google_once"),
            models.UniqueConstraint(
                fields=["person", "salesforce_event_id"], name="link_salesforce_once"
            ),
        ]


class SyncCursor(TenantModel):
    """How far each provider's changes were read and made durable, a row a person."""

    person = models.OneToOneField("accounts.Person", models.CASCADE, primary_key=True)
    google_sync_token = models.TextField(blank=True)
    salesforce_mark = models.CharField(max_length=40, blank=True)
    salesforce_deleted_mark = models.CharField(max_length=40, blank=True)
    # Ids and stamps of the records at the mark, which every read sees again: one second holds many.
    salesforce_seen = models.JSONField(default=dict)
    updated_at = models.DateTimeField()
