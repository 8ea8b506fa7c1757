from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from simple_salesforce.exceptions import SalesforceError

TIMED = {
    "Subject": "Planning",
    "StartDateTime": "2026-06-01T09:00:00.000+0000",
    "EndDateTime": "2026-06-01T10:00:00.000+0000",
}
ALL_DAY = {"Subject": "Fair", "IsAllDayEvent": True, "ActivityDate": "2026-06-01"}
KEY = "SyncCenter_Key__c"


@pytest.fixture
def refusal() -> Callable[..., tuple[int, str]]:
    """Status and error code of the refusal a call meets."""

    def meet(call: Callable[..., Any], *args: Any, **kwargs: Any) -> tuple[int, str]:
        with pytest.raises(SalesforceError) as caught:
            call(*args, **kwargs)
        return caught.value.status, caught.value.content[0]["errorCode"]

    return meet


@pytest.fixture
def table(ada_salesforce: Any) -> Any:
    """Ada's Event through the real client."""
    return ada_salesforce.Event
