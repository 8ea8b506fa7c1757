"""Mails are claimed in the order of their time, however many wait."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest

from monitoring.alerts import claims
from monitoring.alerts.claims import messages_claim
from monitoring.alerts.models import MessageState
from tests.factories import NOW
from tests.monitoring.alerts.destination_makers import make_webhook, queue_webhook
from tests.monitoring.alerts.makers import make_copies, make_message
from tests.monitoring.alerts.plans import most_rows
from tests.monitoring.alerts.routing_makers import make_recipient

pytestmark = pytest.mark.django_db


def test_mails_go_by_their_time_and_then_in_turn_whether_they_have_a_target_or_not() -> None:
    late = make_message(next_try_at=NOW)
    target = make_recipient(late.organization, address="team@acme.example")
    asks = make_message(next_try_at=NOW - timedelta(minutes=1), target=target)
    early = make_message(next_try_at=NOW - timedelta(minutes=2))
    twin = make_message(next_try_at=NOW, target=target)
    make_message(next_try_at=NOW + timedelta(minutes=1))
    claimed = messages_claim(token=uuid4(), limit=10, now=NOW)
    assert claimed == [early, asks, late, twin]


@pytest.mark.parametrize("apart", [timedelta(0), timedelta(seconds=1)])
def test_with_very_many_mails_waiting_a_claim_reads_a_few(apart: timedelta) -> None:
    make_copies(make_message(), 2_000, apart=apart)
    gone = queue_webhook(make_webhook("https://hooks.example"), now=NOW)
    make_copies(gone, 2_000, state=MessageState.SENT)
    claim = {"token": uuid4(), "limit": 10, "now": NOW, "lease": 60.0, "channel": "mail"}
    assert most_rows(claims.IN_ORDER, claim) < 100
