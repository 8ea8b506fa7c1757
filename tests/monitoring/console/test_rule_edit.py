from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.access import access_for
from monitoring.console import rule_edit, rule_samples
from monitoring.console.rule_samples import channel_of, masked_text
from monitoring.errors.inbox import unrecognised_note
from monitoring.errors.interpretation import built_in_definitions, built_in_rules
from monitoring.errors.models import RuleChange, UnrecognisedError
from tests.factories import NOW, make_connected_person
from tests.monitoring.console.conftest import Cast, client_of
from tests.monitoring.console.makers import REVOKED, make_outcome, set_health
from tests.monitoring.console.markup import markup, text
from tests.monitoring.errors.makers import PANIC, make_live, panic, propose, seen

NEW = "/o/acme/rules/new/"
PREVIEW = "/o/acme/rules/preview"
BUILT_IN = "google-access-revoked"
EDIT = f"/o/acme/rules/{BUILT_IN}/edit/"


def fields(**changes: Any) -> dict[str, Any]:
    """What a browser sends of a filled-in form."""
    return {
        "title": "The aisle is blocked",
        "meaning": "Something lies in aisle four.",
        "next_step": "Clear the aisle.",
        "class": "record",
        "who": "person",
        "codes": PANIC,
        "reason": "People asked.",
    } | changes


def make_error(cast: Cast, **overrides: Any) -> UnrecognisedError:
    organization = overrides.pop("organization", cast.acme)
    unrecognised_note([seen(organization, **overrides)])
    return UnrecognisedError.objects.get(organization=organization)


def failed_with(cast: Cast, error: dict[str, Any], **overrides: Any) -> None:
    """A person of Acme whose last run failed so."""
    person = make_connected_person(cast.acme)
    signature = overrides.pop("signature", "salesforce 400 an error")
    set_health(person, last_signature=signature, last_attempt_at=NOW)
    make_outcome(person, result="failure", error=error, signature=signature, **overrides)


def test_a_new_rule_is_saved_as_a_draft(cast: Cast, admin_client: Client) -> None:
    response = admin_client.post(NEW, fields(providers=["salesforce"], says="clear * aisle\r\n"))
    change = RuleChange.objects.get()
    assert response.headers["Location"] == f"/o/acme/rules/changes/{change.pk}/"
    assert change.rule == "salesforce-the-aisle-is-blocked"
    assert change.after == {
        "id": "salesforce-the-aisle-is-blocked",
        "class": "record",
        "who": "person",
        "title": "The aisle is blocked",
        "meaning": "Something lies in aisle four.",
        "next_step": "Clear the aisle.",
        "providers": ["salesforce"],
        "codes": [PANIC],
        "says": ["clear * aisle"],
    }
    assert (change.organization, change.state, change.reason) == (
        cast.acme,
        "draft",
        "People asked.",
    )


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"title": " "}, "title", "Give the rule a title"),
        ({"meaning": ""}, "meaning", "Say what the error means"),
        ({"next_step": ""}, "next_step", "Say what to do"),
        ({"class": "nonsense"}, "class", "Choose what kind of error"),
        ({"who": ""}, "who", "Choose who can take the next step"),
        ({"reason": ""}, "reason", "Say why the rule changes"),
        ({"reason": "x" * 1_001}, "reason", "At most 1,000 characters"),
        ({"codes": "", "says": "ab"}, "says", "word of three letters"),
        ({"patterns": "("}, "patterns", "Bad pattern"),
        ({"statuses": "teapot"}, "statuses", "Unknown status"),
        ({"also": "[[also]\n"}, "also", "not TOML"),
        ({"also": "x = 1"}, "also", "begin with [[also]]"),
        ({"providers": ["pigeon"]}, "providers", "Choose among those listed"),
        ({"rule": "word"}, "rule", "Two or more words"),
        ({"rule": "Bad-Id"}, "rule", "Two or more words"),
        ({"rule": BUILT_IN}, "rule", "There is a rule with this id already"),
        ({"codes": ""}, "__all__", "Say what the error looks like"),
        ({"codes": "\x00"}, "codes", "Null characters"),
        ({"says": "long phrase " * 800}, "says", ""),
    ],
)
def test_what_is_refused_is_said_beside_its_field_and_what_was_typed_stays(
    cast: Cast, admin_client: Client, changes: dict[str, Any], field: str, words: str
) -> None:
    response = admin_client.post(NEW, fields(sample="kept as typed", **changes))
    assert response.status_code == 200
    form = response.context["form"]
    assert list(form.errors) == [field]
    assert words in form.errors[field][0]
    assert form.errors[field][0] in text(response)
    assert "kept as typed" in text(response)
    assert not RuleChange.objects.exists()


def test_a_definition_that_is_refused_as_a_whole_is_said_on_top(
    cast: Cast, admin_client: Client
) -> None:
    long = "\n".join(f"phrase number {place:04} that is rather long" for place in range(220))
    more = {"says": long, "patterns": long, "meaning": "m" * 990, "next_step": "n" * 990}
    response = admin_client.post(NEW, fields(**more, also=f"[[also]]\ncodes = ['{'c' * 2_000}']"))
    assert "are allowed" in response.context["form"].errors["__all__"][0]
    assert "are allowed" in text(response)


def test_an_edit_of_a_built_in_rule_begins_with_what_it_says(
    cast: Cast, admin_client: Client
) -> None:
    response = admin_client.get(EDIT)
    form, rule = response.context["form"], built_in_definitions()[BUILT_IN]
    assert form.initial["title"] == rule["title"]
    assert form.initial["codes"] == "invalid_grant"
    assert form.initial["also"].startswith('[[also]]\nsays = ["token has been expired')
    assert "This rule is built in." in text(response)
    sent = {name: value for name, value in form.initial.items() if value}
    admin_client.post(EDIT, sent | {"title": "Ask Ada", "reason": "Clearer."})
    change = RuleChange.objects.get()
    assert (change.rule, change.before) == (BUILT_IN, None)
    assert change.after == {**rule} | {"title": "Ask Ada"}


def test_an_edit_of_ones_own_rule_begins_with_it_and_what_changes_nothing_is_refused(
    cast: Cast, admin_client: Client
) -> None:
    make_live(access_for(cast.admin, "acme"))
    address = "/o/acme/rules/aisle-blocked/edit/"
    form = admin_client.get(address).context["form"]
    assert form.initial["codes"] == PANIC
    response = admin_client.post(address, fields())
    assert "The rule says exactly this already." in text(response)
    assert admin_client.post(address, fields(title="Clearer")).status_code == 302


def test_somebody_elses_open_draft_is_said_on_top(cast: Cast, admin_client: Client) -> None:
    make_live(access_for(cast.admin, "acme"))
    staff = access_for(cast.staff, "acme")
    propose(staff, rule="aisle-blocked", reason="Theirs.", definition=None)
    response = admin_client.post("/o/acme/rules/aisle-blocked/edit/", fields(title="Mine"))
    assert "support@service.example has proposed a change" in text(response)


def test_staff_choose_the_level_and_others_cannot(cast: Cast, admin_client: Client) -> None:
    admin_client.post(NEW, fields(level="operator"))
    assert RuleChange.objects.get().organization == cast.acme
    staff = client_of(cast.staff)
    assert "All organizations" in text(staff.get(NEW))
    assert "All organizations" not in text(admin_client.get(NEW))
    staff.post(EDIT, fields(level="operator"))
    assert RuleChange.objects.get(rule=BUILT_IN).organization is None


def test_a_rule_from_the_inbox_is_filled_in(cast: Cast, admin_client: Client) -> None:
    error = make_error(cast)
    response = admin_client.get(NEW, {"error": error.pk})
    initial = response.context["form"].initial
    assert (initial["codes"], initial["providers"], initial["statuses"]) == (
        PANIC,
        ["salesforce"],
        "400",
    )
    assert initial["rule"] == "salesforce-kernel-panic-in-aisle-four"
    page = text(response)
    assert "A rule for this error" in page
    assert "Holds for the error below." in page
    assert "please clear the aisle number <n>" in page


def test_the_sample_of_the_inbox_is_shown_masked(cast: Cast, admin_client: Client) -> None:
    body = '[{"errorCode":"ODD","message":"Dinner \\"Secret plan\\" of ada@acme.example at 19:30"}]'
    error = make_error(cast, error=panic(body=body))
    html = admin_client.get(NEW, {"error": error.pk}).content.decode()
    for private in ("Secret plan", "secret plan", "ada@acme", "19:30"):
        assert private not in html


def test_another_organizations_error_fills_in_nothing(cast: Cast, admin_client: Client) -> None:
    error = make_error(cast, organization=cast.globex)
    for number in (str(error.pk), "0", "x", "9" * 30, "٣"):
        response = admin_client.get(NEW, {"error": number})
        assert response.status_code == 200
        assert response.context["error"] is None
        assert PANIC not in response.content.decode()


def test_the_preview_counts_the_errors_it_would_hold_for(cast: Cast, admin_client: Client) -> None:
    failed_with(cast, panic(), signature="the panic")
    failed_with(cast, REVOKED, signature="revoked", rule=BUILT_IN)
    other = make_connected_person(cast.globex)
    make_outcome(other, result="failure", error=panic(body="{}"), signature="theirs")
    response = admin_client.post(PREVIEW, fields())
    trial = response.context["trial"]
    assert (trial.seen, trial.held) == (2, 1)
    page = text(response)
    assert "1 of the last 2 distinct errors of Acme." in page
    assert "the panic" in page
    assert "An error that is not recognised yet" in page


def test_the_preview_needs_only_conditions(cast: Cast, admin_client: Client) -> None:
    failed_with(cast, panic())
    response = admin_client.post(PREVIEW, {"codes": PANIC})
    assert "1 of the last 1 distinct errors" in text(response)
    assert "Say what the error looks like" in text(admin_client.post(PREVIEW, {}))
    assert "Bad pattern" in text(admin_client.post(PREVIEW, {"patterns": "("}))
    assert "not TOML" in text(admin_client.post(PREVIEW, {"also": "["}))


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ({"patterns": "a{9}\n" * 1_900, "says": "some words\n" * 900, "codes": "c" * 9_000}, ""),
        ({"patterns": "abc\n" * 5_001}, ""),
        ({"patterns": "abc\n" * 2_501}, "At most 10,000 characters."),
        ({"codes": "A\x00"}, "Null characters"),
        ({"providers": ["pigeon"]}, "Choose among those listed."),
    ],
)
def test_the_preview_compiles_nothing_that_the_form_refuses(
    cast: Cast,
    admin_client: Client,
    monkeypatch: pytest.MonkeyPatch,
    sent: dict[str, Any],
    words: str,
) -> None:
    monkeypatch.setattr(rule_edit, "definition_of", None)
    assert (words or "; 20,000 are allowed.") in text(admin_client.post(PREVIEW, sent))


def test_a_code_inside_the_known_cause_does_not_count(cast: Cast, admin_client: Client) -> None:
    body = (
        '[{"errorCode":"CANNOT_EXECUTE_FLOW_TRIGGER","message":"first error: '
        'FIELD_CUSTOM_VALIDATION_EXCEPTION, Missing team"}]'
    )
    failed_with(cast, panic(body=body))
    held = [
        admin_client.post(PREVIEW, {"codes": code}).context["trial"].held
        for code in ("FIELD_CUSTOM_VALIDATION_EXCEPTION", "CANNOT_EXECUTE_FLOW_TRIGGER")
    ]
    assert held == [1, 0]


@pytest.mark.parametrize(
    ("sent", "holds"),
    [
        ({"sample": panic()["body"], "sample_provider": "salesforce"}, True),
        ({"sample": panic()["body"], "sample_provider": "pigeon"}, False),
        ({"sample": "quite another", "sample_provider": "salesforce"}, False),
        ({"sample": panic()["body"], "sample_provider": "salesforce", "statuses": "500"}, False),
        (
            {
                "sample": panic()["body"],
                "sample_provider": "salesforce",
                "statuses": "500",
                "sample_status": "500",
            },
            True,
        ),
    ],
)
def test_the_preview_tells_whether_a_pasted_error_is_met(
    cast: Cast, admin_client: Client, sent: dict[str, str], holds: bool
) -> None:
    page = text(admin_client.post(PREVIEW, {"providers": ["salesforce"], "codes": PANIC} | sent))
    assert ("Holds for the error below." in page) is holds
    assert ("Does not hold for the error below. It stays:" in page) is not holds


def test_an_organization_without_errors_is_told_so(cast: Cast, admin_client: Client) -> None:
    assert "had no error in the last 30 days" in text(admin_client.post(PREVIEW, fields()))


def test_no_more_than_the_last_distinct_errors_are_looked_at(
    cast: Cast, admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rule_samples, "DISTINCT", 3)
    for number in range(5):
        failed_with(cast, panic(), signature=f"kind {number % 4}")
    assert admin_client.post(PREVIEW, fields()).context["trial"].seen == 3


@pytest.mark.parametrize(
    ("answer", "channel"),
    [
        ('{"error": "invalid_grant"}', "oauth-json"),
        ('[{"errorCode": "X"}]', "http-json"),
        ("<soapenv:Envelope>", "soap-fault"),
        ("<!doctype html>", "html"),
        ("TimeoutError: timed out", "exception-text"),
        ("", "exception-text"),
    ],
)
def test_the_form_of_a_pasted_answer_is_seen(answer: str, channel: str) -> None:
    assert channel_of(answer) == channel


def test_an_error_is_shown_with_its_facts() -> None:
    shown = masked_text(panic())
    assert shown.startswith("salesforce · query · HTTP 400 · http-json\ncode KERNEL_PANIC")
    assert shown.endswith("please clear the aisle number <n>")
    assert "no HTTP status" in masked_text(panic(status=None, body="odd"))


def test_a_viewer_writes_nothing(cast: Cast) -> None:
    viewer = client_of(cast.viewer)
    assert viewer.get(NEW).status_code == 403
    assert viewer.get(EDIT).status_code == 403
    for address in (NEW, EDIT, PREVIEW):
        assert viewer.post(address, fields()).status_code == 403
    assert not RuleChange.objects.exists()


def test_strangers_find_nothing_and_so_does_who_edits_no_rule(
    cast: Cast, admin_client: Client
) -> None:
    for address in (NEW, EDIT, PREVIEW):
        assert client_of(cast.stranger).post(address, fields()).status_code == 404
        assert Client().post(address, fields()).status_code == 302
    assert admin_client.get("/o/acme/rules/no-such-rule/edit/").status_code == 404


def test_other_methods_are_refused(cast: Cast, admin_client: Client) -> None:
    assert admin_client.get(PREVIEW).status_code == 405
    assert admin_client.put(NEW).status_code == 405
    assert admin_client.put(EDIT).status_code == 405


@pytest.mark.parametrize("size", [1, 30])
def test_a_preview_takes_at_most_five_statements_at_any_size(
    cast: Cast,
    admin_client: Client,
    django_assert_max_num_queries: DjangoAssertNumQueries,
    size: int,
) -> None:
    for number in range(size):
        failed_with(cast, panic(), signature=f"kind {number}")
    assert built_in_rules()
    with django_assert_max_num_queries(5):
        response = admin_client.post(PREVIEW, fields())
    assert response.context["trial"].held == size


def test_what_was_typed_cannot_break_out_of_the_page(cast: Cast, admin_client: Client) -> None:
    bad = '"></textarea><script>alert(1)</script>'
    response = admin_client.post(NEW, dict.fromkeys(fields(), bad))
    assert "<script>alert" not in response.content.decode()
    assert markup(response).violations == []


@pytest.mark.parametrize("is_live", [True, False])
def test_a_new_rule_for_all_takes_no_id_that_a_customer_has(cast: Cast, is_live: bool) -> None:
    (make_live if is_live else propose)(access_for(cast.stranger, "globex"), rule="their-rule")
    staff = client_of(cast.staff)
    sent = fields(rule="their-rule", level="operator")
    response = staff.post(NEW, sent)
    assert "There is a rule with this id already" in response.context["form"].errors["rule"][0]
    assert staff.post(NEW, sent | {"level": "organization"}).status_code == 302


def test_a_new_rules_own_id_keeps_clear_of_customers_too(cast: Cast) -> None:
    make_live(access_for(cast.stranger, "globex"), rule="the-aisle-is-blocked")
    client_of(cast.staff).post(NEW, fields(level="operator"))
    assert RuleChange.objects.open().get().rule == "the-aisle-is-blocked-2"


def test_what_somebody_else_made_live_meanwhile_is_not_lost(
    cast: Cast, admin_client: Client
) -> None:
    began = admin_client.get(EDIT).context["began"]
    theirs = make_live(access_for(cast.staff, "acme"), organization=None, rule=BUILT_IN)
    response = admin_client.post(EDIT, fields(title="Mine", began=began))
    assert "Somebody has changed this rule since you began" in text(response)
    assert response.context["form"]["title"].value() == "Mine"
    assert not RuleChange.objects.open().exists()
    assert f'name="began" value="{theirs.number}"' in response.content.decode()
    again = admin_client.post(EDIT, fields(title="Mine", began=response.context["began"]))
    assert again.status_code == 302
    assert RuleChange.objects.open().get().after["title"] == "Mine"


def test_a_draft_is_not_written_anew_over_what_went_live_meanwhile(
    cast: Cast, admin_client: Client
) -> None:
    draft = propose(access_for(cast.admin, "acme"))
    address = f"/o/acme/rules/changes/{draft.pk}/edit/"
    began = admin_client.get(address).context["began"]
    make_live(access_for(cast.staff, "acme"), organization=None)
    response = admin_client.post(address, fields(title="Mine", began=began))
    assert "since you began" in text(response)
    assert RuleChange.objects.open().get() == draft


def test_another_organizations_change_stops_nobody(cast: Cast, admin_client: Client) -> None:
    began = admin_client.get(EDIT).context["began"]
    make_live(access_for(cast.stranger, "globex"), rule=BUILT_IN)
    assert admin_client.post(EDIT, fields(began=began)).status_code == 302
