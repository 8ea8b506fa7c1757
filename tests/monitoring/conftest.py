from __future__ import annotations

import os

import pytest
from django.db import connection
from pytest_django import DjangoDbBlocker

from tests.monitoring.jobs.service import with_database


@pytest.fixture(scope="module")
def test_database(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> str:
    """Return the URL of the test database, to which this process then has no connection.

    It is made only for modules that bear the mark django_db.
    """
    with django_db_blocker.unblock():
        connection.close()
    return with_database(os.environ["DATABASE_URL"], connection.settings_dict["NAME"])
