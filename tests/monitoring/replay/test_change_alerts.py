from __future__ import annotations

from datetime import timedelta

import pytest

from monitoring.alerts import sources
from monitoring.alerts.kinds import AlertKind, Severity
from monitoring.alerts.models import Alert, Message
from monitoring.alerts.outbox import mail_in
from monitoring.alerts.recipients import recipients_known
from monitoring.alerts.routing import OF_SERVICE, untold
from monitoring.alerts.targets import routes_of
from monitoring.alerts.watch import alerts_watch
from monitoring.errors.changes import rule_change_approve, rule_change_go_live
from monitoring.replay.change_alerts import rule_change_findings
from tests.factories import NOW
from tests.monitoring.errors.makers import make_access, make_live, make_staff, passed, propose

pytestmark = pytest.mark.django_db
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


def test_a_change_that_moves_many_is_told_for_a_day_after_it_went_live() -> None:
    author = make_access()
    other = make_access(author.organization)
    change = passed(propose(author), people=100, people_moved=40)
    change = rule_change_go_live(access=author, change=change, now=NOW + 2 * MINUTE)
    assert list(rule_change_findings(NOW + 3 * MINUTE)) == [], "it waits for a second look"

    rule_change_approve(access=other, change=change, now=NOW + 3 * MINUTE)
    (finding,) = rule_change_findings(NOW + 4 * MINUTE)
    assert (finding.kind, finding.cause) == (AlertKind.RULE_CHANGE, str(change.pk))
    assert finding.organization_id == author.organization.pk
    assert (finding.severity, finding.people) == (Severity.NOTICE, 40)
    assert finding.began_at == NOW + 3 * MINUTE
    facts = finding.facts
    assert (facts["author"], facts["approved_by"]) == (author.user.email, other.user.email)
    assert (facts["share"], facts["people"], facts["what"]) == (0.4, 100, "added")
    assert list(rule_change_findings(NOW + DAY + 4 * MINUTE)) == []


def test_a_change_that_moves_few_is_no_news() -> None:
    make_live(make_access())
    assert list(rule_change_findings(NOW + 5 * MINUTE)) == []


def test_a_change_that_nobody_could_be_tested_on_is_told() -> None:
    author = make_access()
    change = passed(propose(author), people=0, people_moved=0, outcomes=0, outcomes_moved=0)
    change = rule_change_go_live(access=author, change=change, now=NOW + 2 * MINUTE)
    rule_change_approve(
        access=make_access(author.organization), change=change, now=NOW + 3 * MINUTE
    )
    (finding,) = rule_change_findings(NOW + 4 * MINUTE)
    assert finding.facts["share"] is None


def test_of_the_operators_rules_the_service_is_told() -> None:
    author = make_staff()
    change = passed(propose(author, organization=None), people=10, people_moved=9)
    change = rule_change_go_live(access=author, change=change, now=NOW + 2 * MINUTE)
    rule_change_approve(access=make_staff(), change=change, now=NOW + 3 * MINUTE)
    assert [each.organization_id for each in rule_change_findings(NOW + 4 * MINUTE)] == [None]


def test_support_staff_are_mailed_about_the_operators_rule(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    author, second = make_staff(), make_staff()
    change = passed(propose(author, organization=None), people=1_000, people_moved=900)
    change = rule_change_go_live(access=author, change=change, now=NOW + 2 * MINUTE)
    rule_change_approve(access=second, change=change, now=NOW + 3 * MINUTE)
    monkeypatch.setattr(sources, "_sources", {"rules": sources._sources["rule changes"]})
    for minutes in (4, 6):
        alerts_watch(NOW + minutes * MINUTE)
    told = Message.objects.filter(kind="alert")
    assert {each.recipient for each in told} == {author.user.email, second.user.email}
    mail = mail_in(told[0])
    assert mail.subject == "A rule was added that moves many people"
    assert "it moves 90 % of 1,000 people" in mail.text
    assert f"/alerts/{Alert.objects.get().pk}/" in mail.text
    routes, known = routes_of([None])[None], recipients_known([None])[None]
    assert untold(routes, known, OF_SERVICE) == []
