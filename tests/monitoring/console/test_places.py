from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import Organization
from monitoring.console.places import place_at, place_for
from monitoring.errors.interpretation import built_in_rules
from monitoring.errors.rules import Interpretation, Who
from syncing.providers.addresses import ProviderAddresses

ACME = Organization(slug="acme", salesforce_host="acme.my.salesforce.com")
RULES = {rule.id: rule for rule in built_in_rules().rules}


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("salesforce-user-inactive", "Open Salesforce Setup"),
        ("google-delegation-missing", "Open Google Admin"),
        ("google-access-revoked", None),
        ("google-app-broken", None),
    ],
)
def test_an_admin_is_led_to_where_it_is_mended(rule: str, words: str | None) -> None:
    place = place_for(RULES[rule], ACME, ProviderAddresses())
    assert (place.words if place else None) == words


def test_what_is_no_rule_has_no_place() -> None:
    assert place_for(None, ACME, ProviderAddresses()) is None


@given(st.sampled_from(sorted(RULES)), st.sampled_from(list(Interpretation)))
def test_only_what_an_admin_mends_at_one_vendor_has_a_place(
    name: str, interpretation: Interpretation
) -> None:
    rule = replace(RULES[name], interpretation=interpretation)
    place = place_for(rule, ACME, ProviderAddresses())
    mends = interpretation is Interpretation.NEEDS_ADMIN
    one = rule.who == Who.ADMIN and rule.providers in ({"salesforce"}, {"google"})
    assert (place is not None) == (mends and one)
    assert place_at(["google", "salesforce"], ACME, ProviderAddresses()) is None
