from __future__ import annotations

from datetime import datetime

import pytest
from pytest_django import Settings

from tests.factories import NOW


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture(autouse=True)
def no_time_is_lost(settings: Settings) -> None:
    # Else each client made by a test would list all static files, the collected ones included.
    settings.WHITENOISE_AUTOREFRESH = True
    # The real one is slow on purpose: half a second a password.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
