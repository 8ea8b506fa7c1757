from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.actions.links import invitation_token
from monitoring.alerts.tickets import (
    acknowledge_link,
    ids_in,
    read_acknowledge,
    read_unsubscribe,
    token_of,
    unsubscribe_link,
)

ids = st.integers(0, 2**63 - 1)


def token_in(link: str) -> str:
    return link.rstrip("/").rpartition("/")[2]


@given(ids, ids)
def test_a_link_holds_what_it_was_made_for(alert: int, recipient: int) -> None:
    assert read_acknowledge(token_in(acknowledge_link(alert, recipient))) == (alert, recipient)
    assert read_unsubscribe(token_in(unsubscribe_link(recipient))) == recipient


@given(ids)
def test_no_link_is_good_for_anything_else(number: int) -> None:
    assert read_acknowledge(token_in(unsubscribe_link(number))) is None
    assert read_unsubscribe(token_in(acknowledge_link(number, number))) is None
    for token in (invitation_token(number),):
        assert read_unsubscribe(token) is None
        assert read_acknowledge(token) is None


@given(st.text(max_size=80))
def test_any_other_text_opens_nothing(text: str) -> None:
    assert read_acknowledge(text) is None
    assert read_unsubscribe(text) is None


@given(ids, ids, st.data())
def test_a_changed_link_opens_nothing(alert: int, recipient: int, data: st.DataObject) -> None:
    token = token_of("acknowledge", alert, recipient)
    place = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.sampled_from("abcXYZ0189-."))
    changed = token[:place] + other + token[place + 1 :]
    assert changed == token or read_acknowledge(changed) is None


@pytest.mark.parametrize("purpose", ["acknowledge", "unsubscribe"])
def test_a_link_is_short_and_stands_in_any_mail(purpose: str) -> None:
    token = token_of(purpose, 2**63 - 1, 2**63 - 1)
    assert len(token) < 80
    assert set(token) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")
    assert ids_in(purpose, token) == [2**63 - 1, 2**63 - 1]


def test_half_a_character_opens_nothing() -> None:
    broken = token_of("acknowledge", 7, 8)[:-1] + "\ud800"
    assert ids_in("acknowledge", broken) == []
