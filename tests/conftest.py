from __future__ import annotations

from datetime import datetime

import pytest
from django.conf import settings
from hypothesis import settings as hypothesis_settings

from tests.factories import NOW

# A busy machine is no reason for a property to fail.
hypothesis_settings.register_profile("patient", deadline=None)
hypothesis_settings.load_profile("patient")


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture(scope="session", autouse=True)
def no_time_is_lost() -> None:
    # Else each client made by a test would list all static files, the collected ones included.
    settings.WHITENOISE_AUTOREFRESH = True
    # The real one is slow on purpose: half a second a password.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
