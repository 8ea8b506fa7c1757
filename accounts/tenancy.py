"""Tenancy: every row of a customer carries its organization, and one method scopes every query.

`Model.objects.visible_to(access)` is the only way from a console user to rows. An `Access` is made
by `accounts.access.access_for`, which checks membership, and a `ServiceAccess` for support staff
alone: it is to rows of no organization.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.db import models

if TYPE_CHECKING:
    from accounts.access import Access, ServiceAccess


class TenantQuerySet(models.QuerySet):
    def visible_to(self, access: Access | ServiceAccess) -> Self:
        """Keep the rows of the organization this access was granted for."""
        return self.filter(organization_id=access.organization_id)


class TenantModel(models.Model):
    organization = models.ForeignKey(
        "accounts.Organization", models.CASCADE, related_name="%(class)ss"
    )

    objects = TenantQuerySet.as_manager()

    class Meta:
        abstract = True
