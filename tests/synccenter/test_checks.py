from __future__ import annotations

import pytest
from django.core.checks import run_checks
from pytest_django import Settings

from synccenter.checks import NO_PROXY_COUNTED


@pytest.mark.parametrize(
    ("secure", "proxies", "warned"), [(True, 0, True), (True, 1, False), (False, 0, False)]
)
def test_a_proxy_that_is_not_counted_is_warned_of(
    settings: Settings, secure: bool, proxies: int, warned: bool
) -> None:
    settings.SECURE, settings.ALLAUTH_TRUSTED_PROXY_COUNT = secure, proxies
    assert (NO_PROXY_COUNTED in run_checks()) == warned
