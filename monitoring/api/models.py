"""Tokens by which other programs speak for an organization."""

from __future__ import annotations

from django.db import models

from accounts.tenancy import TenantModel


class ApiToken(TenantModel):
    """A bearer token of one organization. Only its SHA-256 digest is stored."""

    name = models.CharField(max_length=100)
    digest = models.BinaryField(unique=True)
    hint = models.CharField(max_length=8)
    created_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
