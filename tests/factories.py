"""Makers of rows for tests: every argument has a default, every default can be overridden."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from django.contrib.auth import get_user_model

from accounts.models import Connection, Grant, Member, Organization, Person, Provider, Role

# The moment at which most tests play.
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)

serial = count(1)


def make_organization(**overrides: Any) -> Organization:
    slug = overrides.pop("slug", f"organization-{next(serial)}")
    return Organization.objects.create(
        **{
            "slug": slug,
            "name": slug.title(),
            "google_domain": f"{slug}.example",
            "salesforce_host": f"{slug}.my.salesforce.com",
            "created_at": NOW - timedelta(days=90),
        }
        | overrides
    )


def make_user(**overrides: Any) -> Any:
    email = overrides.pop("email", f"user{next(serial)}@console.example")
    return get_user_model().objects.create_user(
        username=email,
        email=email,
        password=overrides.pop("password", "correct horse"),
        **overrides,
    )


def make_member(organization: Organization | None = None, **overrides: Any) -> Member:
    return Member.objects.create(
        **{
            "organization": organization or make_organization(),
            "user": overrides.pop("user", None) or make_user(),
            "role": Role.ADMIN,
        }
        | overrides
    )


def make_person(organization: Organization | None = None, **overrides: Any) -> Person:
    organization = organization or make_organization()
    number = next(serial)
    return Person.objects.create(
        **{
            "organization": organization,
            "email": f"person{number}@{organization.google_domain}",
            "name": f"Person {number}",
            "salesforce_user_id": f"005{number:015d}",
            "salesforce_username": f"person{number}@{organization.google_domain}",
            "created_at": NOW - timedelta(days=60),
        }
        | overrides
    )


def make_connection(person: Person, provider: Provider, **overrides: Any) -> Connection:
    return Connection.objects.create(
        **{
            "organization_id": person.organization_id,
            "person": person,
            "provider": provider,
            "grant": Grant.DELEGATED if provider == Provider.GOOGLE else Grant.JWT,
            "granted_at": person.created_at,
        }
        | overrides
    )


def make_connected_person(organization: Organization | None = None, **overrides: Any) -> Person:
    person = make_person(organization, **overrides)
    make_connection(person, Provider.GOOGLE)
    make_connection(person, Provider.SALESFORCE)
    return person
