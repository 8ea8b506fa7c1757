"""The page on which whoever plays the vendors' admin mends what is broken."""

from __future__ import annotations

import pytest

from simulator.setup import WORDS, words_for
from tests.simulator.conftest import ADA


@pytest.fixture
def setup(simulator, raw):
    """Open the page, or send one of its forms; answers status and text."""

    def send(deed="", *, origin=None, **form):
        url = f"{simulator.base_url}/setup/{deed}"
        if not deed:
            answer = raw.get(url)
        else:
            headers = {"Origin": origin or simulator.base_url}
            answer = raw.post(url, data=form, headers=headers, allow_redirects=False)
        return answer.status_code, answer.text

    return send


def test_it_lists_what_is_broken_and_mends_it(setup, simulator):
    for operation in ("salesforce.event.create", "salesforce.collection.*"):
        simulator.plan_fault("salesforce-trigger", operation=operation, person=ADA)
    simulator.plan_fault("google-quota", person=ADA)
    status, text = setup()
    assert status == 200
    assert text.count("An Apex trigger on Event fails</strong>") == 1
    assert f"<br>{ADA}</p>" in text
    assert setup("mend", what="salesforce-trigger")[0] == 303
    assert [fault.name for fault, _ in simulator.faults.all()] == ["google-quota"]


def test_a_deactivated_user_is_activated(setup, world):
    world.salesforce_set_user(ADA, active=False)
    assert "A Salesforce user is inactive" in setup()[1]
    assert setup("activate", what=ADA)[0] == 303
    assert world.person(ADA).salesforce.active
    assert "A Salesforce user is inactive" not in setup()[1]


def test_an_organization_is_broken_and_mended(setup, simulator):
    assert setup("break", what="google-backend-error", where="acme")[0] == 303
    ((fault, _),) = simulator.faults.all()
    assert (fault.name, fault.organization) == ("google-backend-error", "acme")
    setup("mend", what="google-backend-error")
    assert simulator.faults.all() == []


def test_nonsense_changes_nothing(setup, simulator):
    setup("break", what="google-backend-error", where="nowhere")
    setup("break", what="nothing", where="acme")
    setup("mend", what="nothing")
    setup("activate", what="nobody@nowhere.example")
    assert simulator.faults.all() == []
    assert setup("destroy")[0] == 400


def test_only_its_own_forms_change_anything(setup, simulator, raw):
    simulator.plan_fault("google-quota", person=ADA)
    assert setup("mend", what="google-quota", origin="http://evil.example")[0] == 400
    assert raw.post(f"{simulator.base_url}/setup/mend", data={"what": "google-quota"}).status_code
    elsewhere = raw.get(f"{simulator.base_url}/setup/", headers={"Host": "evil.example"})
    assert elsewhere.status_code == 403
    assert len(simulator.faults.all()) == 1


def test_every_ready_fault_has_words():
    for name in WORDS:
        assert words_for(name) == WORDS[name]
    assert words_for("salesforce-row-lock") == ("Salesforce: row lock", "Mend it")
