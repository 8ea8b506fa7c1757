from __future__ import annotations

from datetime import timedelta

import pytest
from pytest_django import DjangoAssertNumQueries

from accounts.models import Person
from monitoring.console.together import Question, ask_together, moment_of, question_of
from tests.factories import NOW, make_organization, make_person

pytestmark = pytest.mark.django_db
HOSTILE = 'O\'Brien "%s" %(n)s \\ ; -- {}'


def test_several_questions_are_answered_in_one_statement(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    acme = make_organization()
    people = [make_person(acme, name=name) for name in ("Ada", "Bob", HOSTILE)]
    found = Person.objects.filter(organization=acme).order_by("-pk")
    with django_assert_num_queries(1):
        answers = ask_together(
            newest=question_of(found.values("pk", "name", "created_at")[:2]),
            hostile=question_of(found.filter(name=HOSTILE).values("name")),
            nobody=question_of(found.filter(name="Casey").values("pk")),
            sum=Question("SELECT %(one)s + 1 AS two, %(at)s AS at", {"one": 1, "at": NOW}),
        )
    assert [(row["pk"], row["name"]) for row in answers["newest"]] == [
        (people[2].pk, HOSTILE),
        (people[1].pk, "Bob"),
    ]
    assert moment_of(answers["newest"][0]["created_at"]) == NOW - timedelta(days=60)
    assert answers["hostile"] == [{"name": HOSTILE}]
    assert answers["nobody"] == []
    assert (answers["sum"][0]["two"], moment_of(answers["sum"][0]["at"])) == (2, NOW)
    assert moment_of(None) is None
