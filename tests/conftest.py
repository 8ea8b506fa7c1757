from __future__ import annotations

from datetime import datetime

import pytest
from django.conf import settings
from django.db import connection
from hypothesis import settings as hypothesis_settings
from pytest_django import DjangoDbBlocker

from tests.factories import NOW
from tests.plugins.template import template_ensure

# A busy machine is no reason for a property to fail.
hypothesis_settings.register_profile("patient", deadline=None)
hypothesis_settings.load_profile("patient")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # Begun late, one of them would leave a single process at work in the end.
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


@pytest.fixture(scope="session")
def template_of_databases(django_db_blocker: DjangoDbBlocker) -> str:
    """The migrated database that the run's processes copy, named before theirs get a suffix."""
    name = f"{connection.settings_dict['TEST']['NAME']}_template"
    with django_db_blocker.unblock():
        return template_ensure(name)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    template_of_databases: str, django_db_modify_db_settings_parallel_suffix: None
) -> None:
    """Have pytest-django copy the template; migrating a copy then finds nothing to do."""
    connection.settings_dict["TEST"]["TEMPLATE"] = template_of_databases


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture(scope="session", autouse=True)
def no_time_is_lost() -> None:
    # Else each client made by a test would list all static files, the collected ones included.
    settings.WHITENOISE_AUTOREFRESH = True
    # The real one is slow on purpose: half a second a password.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
