from __future__ import annotations

import pytest
from django.db.transaction import TransactionManagementError

from monitoring.outcomes.append import outcomes_append


@pytest.mark.django_db(transaction=True)
def test_without_a_transaction_nothing_is_appended_in_silence() -> None:
    with pytest.raises(TransactionManagementError):
        outcomes_append([])
