"""Who: organizations, members, people and their connections."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchQuery, SearchVectorField
from django.db import models
from django.db.models import Func, Q
from django.db.models.functions import Lower

from accounts.tenancy import TenantModel, TenantQuerySet


class Provider(models.TextChoices):
    GOOGLE = "google", "Google"
    SALESFORCE = "salesforce", "Salesforce"


class Organization(models.Model):
    """A customer: one Salesforce org and one Google Workspace domain. The tenant."""

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=200)
    google_domain = models.CharField(max_length=253)
    salesforce_host = models.CharField(max_length=253)
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name


class Role(models.TextChoices):
    OWNER = "owner", "Owner"
    ADMIN = "admin", "Admin"
    VIEWER = "viewer", "Viewer"


class Member(TenantModel):
    """A console login with a role in one organization."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role)
    time_zone = models.CharField(max_length=64, default="UTC")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "organization"], name="member_once"),
        ]


class StaffTimeZone(models.Model):
    """In which zone somebody of the support staff reads times; members have theirs as members."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="staff_time_zone"
    )
    time_zone = models.CharField(max_length=64)


# Kept equal to the SQL function person_search, which makes the column the words are looked up in.
PUNCTUATION = "@.-_+/,;:()&\"'\\"


def search_query(words: str) -> str:
    """Return the tsquery for people of whom each word starts a part of name, address or team."""
    separators = PUNCTUATION + "\x00"
    spaced = words.translate(str.maketrans(separators, " " * len(separators)))
    return " & ".join(f"'{part}':*" for part in spaced.split())


class PersonQuerySet(TenantQuerySet):
    def matching(self, words: str) -> PersonQuerySet:
        """Keep people of whom each given word starts a part of name, e-mail address or team.

        Words of nothing but punctuation match nobody; no words at all narrow nothing.
        """
        if not words.strip():
            return self
        query = search_query(words)
        if not query:
            return self.none()
        return self.filter(search=SearchQuery(query, config="simple", search_type="raw"))


class Person(TenantModel):
    """Somebody whose calendar is synced. Not a login."""

    email = models.EmailField(max_length=254)
    name = models.CharField(max_length=200)
    team = models.CharField(max_length=100, blank=True)
    time_zone = models.CharField(max_length=64, default="UTC")
    google_calendar_id = models.CharField(max_length=254, default="primary")
    salesforce_user_id = models.CharField(max_length=18, blank=True)
    salesforce_username = models.CharField(max_length=254, blank=True)
    created_at = models.DateTimeField()
    search = models.GeneratedField(
        expression=Func("name", "email", "team", function="person_search"),
        output_field=SearchVectorField(),
        db_persist=True,
    )

    objects: ClassVar = PersonQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "email"], name="person_email_once"),
            models.CheckConstraint(condition=Q(email=Lower("email")), name="person_email_lower"),
        ]
        indexes = [
            models.Index(fields=["organization", "name", "id"], name="person_by_name"),
            models.Index(fields=["organization", "team"], name="person_by_team"),
            GinIndex(fields=["search"], name="person_search"),
        ]

    def __str__(self) -> str:
        return self.name


class Grant(models.TextChoices):
    """How access was given."""

    REFRESH_TOKEN = "refresh_token", "by the person's own consent"
    DELEGATED = "delegated", "by the organization's Google access"
    JWT = "jwt", "by the organization's Salesforce app"


class ConnectionState(models.TextChoices):
    GRANTED = "granted", "not used yet"
    PROVEN = "proven", "proven"
    REFUSED = "refused", "refused"


class Connection(TenantModel):
    """A person's authorized access to one provider.

    The three secrets are ciphertext of `accounts.credentials`; nothing else may read or write them.
    """

    person = models.ForeignKey(Person, models.CASCADE, related_name="connections")
    provider = models.CharField(max_length=10, choices=Provider)
    grant = models.CharField(max_length=15, choices=Grant)
    state = models.CharField(
        max_length=10, choices=ConnectionState, default=ConnectionState.GRANTED
    )
    granted_at = models.DateTimeField()
    proven_at = models.DateTimeField(null=True)
    refused_at = models.DateTimeField(null=True)
    refresh_token = models.BinaryField(null=True)
    access_token = models.BinaryField(null=True)
    access_token_expires_at = models.DateTimeField(null=True)
    instance_url = models.CharField(max_length=253, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["person", "provider"], name="connection_once"),
        ]


class OrganizationCredential(TenantModel):
    """What an organization gave us to act for its people: a key of its Google or Salesforce app.

    `secret` is ciphertext of `accounts.credentials`: for Google the JSON of a service account, for
    Salesforce the PEM of the private key whose certificate the app holds. `client_id` is the
    Salesforce consumer key or the Google OAuth client id.
    """

    provider = models.CharField(max_length=10, choices=Provider)
    client_id = models.CharField(max_length=254)
    secret = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "provider"], name="organization_credential_once"
            ),
        ]
