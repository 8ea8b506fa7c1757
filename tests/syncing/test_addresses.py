from __future__ import annotations

from syncing.providers.addresses import ProviderAddresses

HERE = "http://127.0.0.1:8900"


def test_setup_is_at_the_vendors() -> None:
    addresses = ProviderAddresses()
    setup = addresses.salesforce_setup("acme.my.salesforce.com")
    assert setup == "https://acme.my.salesforce.com/lightning/setup/SetupOneHome/home"
    assert addresses.google_admin == "https://admin.google.com/"


def test_setup_of_simulated_vendors_is_at_the_simulator() -> None:
    addresses = ProviderAddresses(google_api_root=HERE, salesforce_login_url=f"{HERE}/")
    assert addresses.salesforce_setup("acme.my.salesforce.com") == f"{HERE}/setup/"
    assert addresses.google_admin == f"{HERE}/setup/"
