"""What members keep for themselves in the console."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from accounts.tenancy import TenantModel, TenantQuerySet

NAME_LENGTH = 80
QUERY_LENGTH = 2_000


class SavedViewQuerySet(TenantQuerySet):
    def open_to(self, user: object) -> SavedViewQuerySet:
        """Keep the user's own and those that others share."""
        return self.filter(Q(user=user) | Q(shared=True))


class SavedView(TenantModel):
    """A list of people that somebody named: filters, order, page size and columns.

    `query` is the query string of the People page. A shared one is open to everybody in the
    organization.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    user_name = models.CharField(max_length=254)
    name = models.CharField(max_length=NAME_LENGTH)
    query = models.CharField(max_length=QUERY_LENGTH, blank=True)
    shared = models.BooleanField(default=False)
    created_at = models.DateTimeField()
    changed_at = models.DateTimeField()

    objects: ClassVar = SavedViewQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "user", "name"], name="saved_view_name_once"
            ),
        ]

    def __str__(self) -> str:
        return self.name
