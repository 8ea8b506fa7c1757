from __future__ import annotations

from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.test import Client

from accounts.access import people_of
from accounts.models import Organization
from tests.factories import make_member, make_organization, make_person, make_user

pytestmark = pytest.mark.django_db
ADA = "ada@acme.example"


@pytest.fixture
def acme() -> Organization:
    return make_organization(slug="acme")


def address(user: Any, email: str, *, verified: bool) -> None:
    EmailAddress.objects.create(user=user, email=email, verified=verified)


def test_a_member_is_the_person_of_their_address(acme: Organization) -> None:
    user = make_member(acme, user=make_user(email="Ada@acme.example")).user
    ada = make_person(acme, email=ADA)
    make_person(acme)
    assert list(people_of(user)) == [ada]


def test_the_same_address_elsewhere_is_somebody_else(acme: Organization) -> None:
    user = make_member(make_organization(), user=make_user(email=ADA)).user
    make_person(acme, email=ADA)
    assert not people_of(user)


def test_a_verified_address_proves_it_anywhere(acme: Organization) -> None:
    user = make_user(email="support@service.example")
    address(user, "ADA@acme.example", verified=True)
    people = [make_person(acme, email=ADA), make_person(email=ADA)]
    assert {person.pk for person in people_of(user)} == {person.pk for person in people}


def test_who_looks_at_their_addresses_stays_who_they_are(
    acme: Organization, client: Client
) -> None:
    """The page notes the address they were given as one that is not verified."""
    user = make_member(acme, user=make_user(email=ADA)).user
    ada = make_person(acme, email=ADA)
    client.force_login(user)
    client.get("/accounts/email/")
    assert EmailAddress.objects.get(user=user).email == ADA
    assert list(people_of(user)) == [ada]


def test_an_address_entered_and_never_verified_proves_nothing(
    acme: Organization, client: Client
) -> None:
    user = make_member(acme).user
    make_person(acme, email=ADA)
    client.force_login(user)
    for deed in ({"action_add": ""}, {"action_primary": ""}):
        client.post("/accounts/email/", {"email": ADA} | deed)
        user = type(user).objects.get(pk=user.pk)
        assert not people_of(user)
    assert user.email == ADA, "they chose it themself"


def test_nobody_is_found_without_an_address(acme: Organization) -> None:
    user = make_user()
    user.email = ""
    assert not people_of(user)
