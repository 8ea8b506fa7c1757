"""What the intake refused."""

from __future__ import annotations

from django.db import models


class Rejection(models.Model):
    """One refused outcome: which line of which delivery, and why.

    `organization` is null where the line did not say, truthfully, whose it is; only support staff
    see those.
    """

    organization = models.ForeignKey("accounts.Organization", models.CASCADE, null=True)
    at = models.DateTimeField()
    source = models.CharField(max_length=100)
    line = models.PositiveIntegerField()
    field = models.CharField(max_length=60)
    reason = models.CharField(max_length=300)

    class Meta:
        indexes = [models.Index(fields=["organization", "-at"], name="rejection_of_organization")]
