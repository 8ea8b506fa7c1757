"""The log of what people did in the console."""

from __future__ import annotations

from typing import Any, ClassVar, NoReturn

from django.conf import settings
from django.db import models

from monitoring.outcomes.models import AppendOnlyError, AppendOnlyQuerySet

OF_ROUTES = "route."


class AuditQuerySet(AppendOnlyQuerySet):
    def of_routes(self) -> AuditQuerySet:
        """Keep what was done to routes of alerts; there is an index of just that."""
        return self.filter(action__startswith=OF_ROUTES)


class AuditEntry(models.Model):
    """One thing somebody did. `action` is a name of `monitoring.audit.registry.ACTIONS`.

    Without an organization it is about what is the service's own.
    """

    organization = models.ForeignKey(
        "accounts.Organization", models.CASCADE, null=True, related_name="auditentrys"
    )
    at = models.DateTimeField()
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True)
    author_name = models.CharField(max_length=254)
    action = models.CharField(max_length=60)
    person = models.ForeignKey("accounts.Person", models.DO_NOTHING, null=True, db_constraint=False)
    detail = models.JSONField(default=dict)

    objects: ClassVar = AuditQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["organization", "-at"], name="audit_of_organization"),
            models.Index(fields=["person", "-at"], name="audit_of_person"),
            models.Index(
                fields=["organization", "at"],
                condition=models.Q(action__startswith=OF_ROUTES),
                name="audit_of_routes",
            ),
        ]

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise AppendOnlyError("AuditEntry")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise AppendOnlyError("AuditEntry")
