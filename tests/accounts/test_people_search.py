from __future__ import annotations

import pytest

from accounts.models import PUNCTUATION, Person
from tests.factories import make_organization, make_person

pytestmark = pytest.mark.django_db


def found(words: str) -> set[str]:
    return {person.name for person in Person.objects.matching(words)}


def test_people_are_found_by_the_beginnings_of_words_in_name_address_and_team() -> None:
    organization = make_organization(slug="acme")
    make_person(
        organization, name="Ada Lovelace", email="ada@acme.example", team="Research & Sales"
    )
    make_person(organization, name="Alan Turing", email="alan.t@acme.example", team="Research")
    assert found("ada") == {"Ada Lovelace"}
    assert found("LOVE") == {"Ada Lovelace"}
    assert found("ada@acme") == {"Ada Lovelace"}
    assert found("res") == {"Ada Lovelace", "Alan Turing"}
    assert found("res tur") == {"Alan Turing"}
    assert found("lace") == set()
    assert found("") == {"Ada Lovelace", "Alan Turing"}


def test_letters_beyond_ascii_are_found_in_either_case() -> None:
    make_person(name="Émile Zola")
    assert found("émi") == {"Émile Zola"}
    assert found("ÉMI") == {"Émile Zola"}


@pytest.mark.parametrize("character", PUNCTUATION)
def test_no_punctuation_breaks_the_search(character: str) -> None:
    make_person(name=f"Grace{character}Hopper")
    assert found(f"hop{character}") == {f"Grace{character}Hopper"}
    assert found(f"{character}hop") == {f"Grace{character}Hopper"}


@pytest.mark.parametrize(
    "words", [*PUNCTUATION, "\x00", " - ", "@./", "<->", "a | b", "!x", "a:*", "%"]
)
def test_query_language_in_the_words_is_taken_as_text(words: str) -> None:
    make_person(name="Grace Hopper")
    assert found(words) == set()


def test_a_nul_character_separates_words_because_the_database_cannot_hold_it() -> None:
    make_person(name="Grace Hopper")
    assert found("grace\x00hop") == {"Grace Hopper"}
