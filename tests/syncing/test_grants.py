"""Keeping accesses: what a restored connection keeps and what it drops."""

from __future__ import annotations

from datetime import timedelta

import pytest

from accounts.credentials import decrypt
from accounts.models import Connection, ConnectionState, Grant, Provider
from syncing.gate import run_here
from syncing.grants import connection_refuse, connection_restore
from syncing.providers.tokens import Token
from syncing.proving import Account
from syncing.reports import PassResult
from syncing.store import PassStore, load_work
from tests.factories import NOW, make_connected_person
from tests.syncing.rig import ADA, Rig, at

TOKEN = Token("access", NOW + timedelta(hours=1), "https://acme.my.salesforce.com", "refresh")

ACCOUNT = Account("005000000000001AAA", ADA, "acme.my.salesforce.com")


@pytest.mark.django_db
def test_a_restored_consent_is_proven_and_encrypted() -> None:
    person = make_connected_person()
    Connection.objects.filter(person=person).update(state="refused", refused_at=NOW)
    made = connection_restore(
        account=ACCOUNT,
        person=person,
        provider=Provider.SALESFORCE,
        grant=Grant.REFRESH_TOKEN,
        token=TOKEN,
        now=NOW,
    )
    kept = Connection.objects.get(person=person, provider=Provider.SALESFORCE)
    assert kept == made
    assert (kept.state, kept.proven_at, kept.refused_at) == (ConnectionState.PROVEN, NOW, None)
    assert kept.instance_url == TOKEN.instance_url
    assert kept.refresh_token is not None
    assert kept.access_token is not None
    assert b"refresh" not in bytes(kept.refresh_token)
    assert decrypt(kept.refresh_token) == "refresh"
    assert decrypt(kept.access_token) == "access"
    other = Connection.objects.get(person=person, provider=Provider.GOOGLE)
    assert other.state == ConnectionState.REFUSED, "the other provider is not touched"


@pytest.mark.django_db
def test_a_minted_access_drops_the_refresh_token_of_before() -> None:
    person = make_connected_person()
    for grant in (Grant.REFRESH_TOKEN, Grant.DELEGATED):
        connection_restore(
            account=ACCOUNT,
            person=person,
            provider=Provider.GOOGLE,
            grant=grant,
            token=TOKEN,
            now=NOW,
        )
    kept = Connection.objects.get(person=person, provider=Provider.GOOGLE)
    assert (kept.grant, kept.refresh_token) == (Grant.DELEGATED, None)


@pytest.mark.django_db
@pytest.mark.parametrize("known", ["", "005000000000009AAA"])
@pytest.mark.parametrize("provider", list(Provider))
def test_the_proven_user_is_kept_of_whom_it_was_not_known(known: str, provider: Provider) -> None:
    person = make_connected_person(salesforce_user_id=known)
    connection_restore(
        person=person,
        provider=provider,
        grant=Grant.JWT,
        token=TOKEN,
        account=ACCOUNT,
        now=NOW,
    )
    person.refresh_from_db()
    proven = ACCOUNT.id if provider == Provider.SALESFORCE else ""
    assert person.salesforce_user_id == (known or proven)


@pytest.mark.django_db
def test_a_consent_that_does_not_last_is_not_kept() -> None:
    person = make_connected_person()
    with pytest.raises(ValueError, match="refresh token"):
        connection_restore(
            account=ACCOUNT,
            person=person,
            provider=Provider.GOOGLE,
            grant=Grant.REFRESH_TOKEN,
            token=Token("access"),
            now=NOW,
        )


@pytest.mark.django_db
def test_only_the_grant_in_use_is_refused() -> None:
    person = make_connected_person()
    tried = {"person": person, "provider": Provider.GOOGLE, "now": NOW}
    assert not connection_refuse(grant=Grant.REFRESH_TOKEN, **tried)
    assert connection_refuse(grant=Grant.DELEGATED, **tried)
    kept = Connection.objects.get(person=person, provider=Provider.GOOGLE)
    assert (kept.state, kept.refused_at) == (ConnectionState.REFUSED, NOW)


def test_links_and_history_stay(rig: Rig) -> None:
    rig.world.google_create(ADA, summary="Board", start=at(24))
    rig.settle()
    before = rig.links()
    connection_restore(
        account=ACCOUNT,
        person=rig.people[ADA],
        provider=Provider.GOOGLE,
        grant=Grant.REFRESH_TOKEN,
        token=Token("stale", refresh_token=rig.world.google_grant(ADA)),
        now=rig.clock(),
    )
    assert rig.sync().result is PassResult.SUCCESS
    assert [link.pk for link in rig.links()] == [link.pk for link in before]
    assert not rig.simulator.world.google_events(ADA)[1:], "nothing came twice"


def test_a_pass_with_the_former_grant_changes_nothing(rig: Rig) -> None:
    person = rig.people[ADA]
    work, store = load_work([person.pk])[person.pk], PassStore(run_here)
    assert work.google is not None
    connection_restore(
        account=ACCOUNT,
        person=person,
        provider=Provider.GOOGLE,
        grant=Grant.DELEGATED,
        token=TOKEN,
        now=rig.clock() + timedelta(minutes=1),
    )
    store.access_refused(work, work.google, now=rig.clock())
    store.token_save(work, work.google, Token("old", refresh_token="rotated"))
    kept = Connection.objects.get(person=person, provider=Provider.GOOGLE)
    assert kept.state == ConnectionState.PROVEN
    assert kept.refresh_token is None
    assert decrypt(kept.access_token or b"") == "access"
