from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import Person
from monitoring.actions.links import (
    PERSON_LINK_GOOD_FOR,
    invitation_id_of,
    invitation_link,
    invitation_token,
    is_sealed_for,
    person_id_of,
    person_link,
    person_token,
)
from monitoring.actions.models import Invitation
from tests.factories import NOW

IDS = st.integers(min_value=1, max_value=2**63 - 1)
TIMES = st.datetimes(datetime(2020, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
HOUR = timedelta(hours=1)


def token_in(link: str) -> str:
    return link.rstrip("/").rsplit("/", 1)[1]


@given(IDS)
def test_an_invitations_token_says_which_one_it_is(invitation_id: int) -> None:
    assert invitation_id_of(invitation_token(invitation_id)) == invitation_id


@given(IDS, TIMES, st.timedeltas(timedelta(), PERSON_LINK_GOOD_FOR - HOUR))
def test_a_persons_token_says_who_it_is_for_some_days(
    person_id: int, at: datetime, age: timedelta
) -> None:
    token = person_token(Person(pk=person_id), at)
    assert person_id_of(token, at + age) == person_id
    assert person_id_of(token, at + PERSON_LINK_GOOD_FOR + age + HOUR) is None


@given(IDS, st.data())
def test_a_changed_token_is_nobodys(number: int, data: st.DataObject) -> None:
    for token in (invitation_token(number), person_token(Person(pk=number), NOW)):
        place = data.draw(st.integers(0, len(token) - 1))
        letter = data.draw(st.characters().filter(lambda each, was=token[place]: each != was))
        changed = token[:place] + letter + token[place + 1 :]
        assert invitation_id_of(changed) is None
        assert person_id_of(changed, NOW) is None


@given(st.text(max_size=60))
def test_any_other_text_is_nobodys(text: str) -> None:
    assert invitation_id_of(text) is None
    assert person_id_of(text, NOW) is None


def test_a_token_of_one_kind_is_none_of_the_other() -> None:
    assert person_id_of(invitation_token(7), NOW) is None
    assert invitation_id_of(person_token(Person(pk=7), NOW)) is None


def test_a_token_from_a_clock_ahead_is_good_within_minutes_only() -> None:
    assert person_id_of(person_token(Person(pk=7), NOW + timedelta(minutes=4)), NOW) == 7
    assert person_id_of(person_token(Person(pk=7), NOW + HOUR), NOW) is None


@given(IDS, st.emails(), st.emails(), TIMES)
def test_a_token_is_good_for_the_address_it_was_made_for_only(
    person_id: int, email: str, other: str, at: datetime
) -> None:
    token = person_token(Person(pk=person_id, email=email), at)
    assert is_sealed_for(token, Person(pk=person_id, email=email))
    assert is_sealed_for(token, Person(pk=person_id, email=other)) == (email == other)
    assert email not in token


def test_another_secret_opens_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    token = invitation_token(7)
    monkeypatch.setattr(settings, "SECRET_KEY", "another")
    assert invitation_id_of(token) is None


def test_links_are_whole_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "BASE_URL", "https://sync.example/")
    link = invitation_link(Invitation(pk=7))
    assert link.startswith("https://sync.example/link/")
    assert invitation_id_of(token_in(link)) == 7
    link = person_link(Person(pk=8), NOW)
    assert link.startswith("https://sync.example/me/")
    assert person_id_of(token_in(link), NOW) == 8


def test_half_a_character_is_nobodys() -> None:
    broken = invitation_token(7)[:-1] + "\ud800"
    assert invitation_id_of(broken) is None
    assert person_id_of(broken, NOW) is None
