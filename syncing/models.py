"""What the engine remembers between passes."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from accounts.tenancy import TenantModel
from syncing.engine.links import LinkState, Origin


class EventLink(TenantModel):
    """One event known on both sides, with the content both last agreed on.

    `base` is the canonical content (`syncing.engine.content.Base`), which tells which side changed
    without trusting either clock. Nothing of a private event is stored: its link is gone, or holds
    only what the other side still shows. A row in a state `creating_*` is written before the create
    is sent.
    """

    person = models.ForeignKey("accounts.Person", models.CASCADE, related_name="event_links")
    google_event_id = models.CharField(max_length=1024)
    salesforce_event_id = models.CharField(max_length=18, null=True)
    state = models.CharField(
        max_length=20, choices=[(each.value, each.value) for each in LinkState], default="active"
    )
    origin = models.CharField(
        max_length=10, choices=[(each.value, each.value) for each in Origin], default="both"
    )
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
        indexes = [
            models.Index(
                fields=["person"],
                condition=Q(state__in=["creating_google", "creating_salesforce"]),
                name="link_creating",
            ),
        ]


class SyncCursor(TenantModel):
    """How far each provider's changes were read and made durable, a row a person.

    Loading a pass takes a new `generation`, and a pass may keep something only while it is the
    newest. Without a `window_start` no pass has come to an end yet.
    """

    person = models.OneToOneField("accounts.Person", models.CASCADE, primary_key=True)
    generation = models.BigIntegerField()
    window_start = models.DateField(null=True)
    google_sync_token = models.TextField(blank=True)
    salesforce_mark = models.DateTimeField(null=True)
    salesforce_deleted_mark = models.DateTimeField(null=True)
    # Ids and stamps of the records at the mark, which every read sees again: one second holds many.
    salesforce_seen = models.JSONField(default=dict)
    # Events whose change could not be written (`syncing.engine.cursors.SetAside`).
    set_aside = models.JSONField(default=list)
    updated_at = models.DateTimeField(null=True)
