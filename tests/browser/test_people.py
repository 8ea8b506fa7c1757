"""The list of people: selection, columns, saved views and files, in a real browser."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.axe import violations
from tests.browser.conftest import NARROW
from tests.monitoring.console.makers import make_held, make_many_healthy, make_unwell

SignedIn = Callable[..., Page]


@pytest.fixture
def crowd(acme: Any) -> None:
    make_many_healthy(acme, 60)
    make_unwell(acme, "stalled", "google-access-revoked", name="Ada Lovelace", team="Sales")
    make_held(acme, name="Grace Hopper")


def answer(route: Route) -> None:
    route.fulfill(status=200, content_type="text/html", body="<title>Action</title>")


def press(page: Page, button: str) -> dict[str, list[str]]:
    """Press a button of the bar and return the parameters it leads to."""
    page.route("**/actions/new/*", answer)
    page.locator("#bulk").get_by_role("button", name=button, exact=True).click()
    page.wait_for_url("**/actions/new/*")
    return parse_qs(urlsplit(page.url).query)


def box(page: Page, name: str) -> Any:
    return page.get_by_role("checkbox", name=f"Select {name}", exact=True)


def tick(page: Page, *names: str) -> None:
    for name in names:
        box(page, name).check(force=True)


def test_the_bar_comes_with_the_first_tick_and_leads_to_those_ticked(
    signed_in: SignedIn, crowd: None
) -> None:
    page = signed_in("people/")
    bar = page.locator("#bulk")
    expect(bar).to_be_hidden()
    tick(page, "Ada Lovelace", "Grace Hopper")
    expect(bar).to_contain_text("2 selected")
    given = press(page, "Hold…")
    assert given["kind"] == ["hold"]
    assert given["scope"] == ["selection"]
    assert len(given["person"]) == 2
    assert "filter" not in given


def test_a_selection_outlives_other_pages_and_orders(signed_in: SignedIn, crowd: None) -> None:
    page = signed_in("people/?sort=person")
    tick(page, "Ada Lovelace")
    page.get_by_role("link", name="Next", exact=True).click()
    tick(page, "Person 059")
    expect(page.locator("#bulk")).to_contain_text("2 selected, 1 of them not on this page")
    page.get_by_role("link", name="Sort by Person").click()
    expect(page).to_have_url(re.compile("sort=-person"))
    expect(box(page, "Person 059")).to_be_checked()
    given = press(page, "Hold…")
    assert len(set(given["person"])) == 2


def test_everybody_on_a_page_and_everybody_that_matches(signed_in: SignedIn, crowd: None) -> None:
    page = signed_in("people/?team=Sales&per=25")
    page.locator("#pick_page").check(force=True)
    bar = page.locator("#bulk")
    expect(bar).to_contain_text("25 selected")
    bar.get_by_role("button", name="select all 31 that match").click()
    expect(bar).to_contain_text("All 31 that match selected")
    page.get_by_role("link", name="Next", exact=True).click()
    expect(bar).to_contain_text("All 31 that match selected")
    expect(page.locator("#pick_page")).to_be_checked()
    given = press(page, "Re-authorize…")
    assert given == {"kind": ["reauthorize"], "scope": ["filter"], "filter": ["team=Sales"]}


def test_a_sync_goes_straight_to_its_preview(signed_in: SignedIn, crowd: None) -> None:
    page = signed_in("people/?team=Sales")
    tick(page, "Ada Lovelace")
    bar = page.locator("#bulk")
    bar.get_by_role("button", name="select all 31 that match").click()
    bar.get_by_role("button", name="Sync now…").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sync 31 people now?")
    page.get_by_role("link", name="People", exact=True).click()
    tick(page, "Ada Lovelace")
    bar.get_by_role("button", name="Hold…").click()
    expect(page.get_by_label("Why")).to_be_visible()
    assert "csrf" not in page.url


def test_all_of_a_list_are_not_all_of_the_next(signed_in: SignedIn, crowd: None) -> None:
    page = signed_in("people/")
    tick(page, "Ada Lovelace")
    bar = page.locator("#bulk")
    bar.get_by_role("button", name="select all 62").click()
    expect(bar).to_contain_text("All 62 selected")
    page.get_by_label("Status").select_option("stalled")
    expect(bar).to_contain_text("1 selected")
    bar.get_by_role("button", name="clear").click()
    expect(bar).to_be_hidden()
    expect(page.locator("#pick_page")).to_be_focused()


def test_a_small_screen_sorts_and_selects_the_page_without_the_tables_head(
    signed_in: SignedIn, crowd: None
) -> None:
    page = signed_in("people/?per=25", viewport={"width": 320, "height": 640})
    expect(page.locator("#pick_page")).to_be_hidden()
    page.locator(".people-small summary").press("Enter")
    page.get_by_role("link", name="Person", exact=True).press("Enter")
    expect(page).to_have_url(re.compile("sort=person"))
    expect(page.locator(".people-small summary")).to_be_focused()
    page.get_by_role("button", name="Select everybody on this page").click()
    bar = page.locator("#bulk")
    expect(bar).to_contain_text("25 selected")
    hidden = page.evaluate("""() => {
        const boxes = [...document.querySelectorAll("#people .people__name")];
        return boxes.filter((each) => {
            each.focus();
            const bar = document.getElementById("bulk").getBoundingClientRect();
            return each.getBoundingClientRect().bottom > bar.top;
        }).length;
    }""")
    assert hidden == 0
    bar.get_by_role("button", name="clear").click()
    expect(page.locator("[data-page]")).to_be_focused()


def test_a_range_is_ticked_with_the_shift_key_also_by_keyboard(
    signed_in: SignedIn, crowd: None
) -> None:
    page = signed_in("people/?sort=person&q=person")
    labels = page.locator("tbody .people__pick label")
    labels.nth(1).click()
    labels.nth(4).click(modifiers=["Shift"])
    bar = page.locator("#bulk")
    expect(bar).to_contain_text("4 selected")
    box(page, "Person 006").focus()
    page.keyboard.press("Space")
    box(page, "Person 008").focus()
    page.keyboard.press("Shift+Space")
    expect(bar).to_contain_text("7 selected")
    expect(box(page, "Person 007")).to_be_checked()
    page.locator("#pick_page").check(force=True)
    page.locator("#pick_page").uncheck(force=True)
    expect(bar).to_be_hidden()


def test_the_bar_works_without_scripts(signed_in: SignedIn, crowd: None) -> None:
    page = signed_in("people/?team=Sales", java_script_enabled=False)
    page.locator("tbody .people__pick label").first.click()
    given = press(page, "Sync now…")
    assert (given["scope"], len(given["person"])) == (["selection"], 1)
    page.go_back()
    page.get_by_label("All 31 that match").check()
    page.locator("#bulk summary").click()
    given = press(page, "Note…")
    assert (given["scope"], given["filter"]) == (["filter"], ["team=Sales"])


def test_columns_are_chosen_without_a_reload_and_stay_in_the_address(
    signed_in: SignedIn, crowd: None
) -> None:
    page = signed_in("people/?status=stalled")
    page.evaluate("window.stillHere = true")
    page.locator("#columns > summary").click()
    page.locator("label[for=column_team]").click()
    expect(page.locator("thead .people__team")).to_be_visible()
    page.locator("label[for=column_interval]").click()
    expect(page.locator("thead .people__interval")).to_have_count(0)
    expect(page).to_have_url(re.compile(r"columns=team%2Crecent%2Clast_good%2Cnext_run$"))
    assert "status=stalled" in page.url
    assert "q=" not in page.url
    page.reload()
    expect(page.locator("thead .people__team")).to_be_visible()
    page.get_by_role("link", name="100 people a page").click()
    expect(page).to_have_url(re.compile("per=100"))
    expect(page.locator("thead .people__team")).to_be_visible()


def test_columns_are_chosen_without_scripts(signed_in: SignedIn, crowd: None) -> None:
    page = signed_in("people/", java_script_enabled=False)
    page.locator("#columns > summary").click()
    page.locator("label[for=column_deed]").click()
    page.get_by_role("button", name="Show these columns").click()
    expect(page.locator("thead .people__deed")).to_be_visible()
    expect(page.locator("thead .people__interval")).to_be_visible()


def test_a_pill_empties_its_field(signed_in: SignedIn, crowd: None) -> None:
    page = signed_in("people/?status=stalled&team=Sales")
    page.evaluate("window.stillHere = true")
    page.get_by_role("link", name="Remove Status: Needs attention").click()
    expect(page.get_by_label("Status")).to_have_value("")
    expect(page).to_have_url(re.compile(r"\?team=Sales$"))
    assert page.evaluate("window.stillHere") is True


def test_a_list_is_saved_changed_and_opened_again(signed_in: SignedIn, crowd: None) -> None:
    page = signed_in("people/")
    page.get_by_label("Status").select_option("stalled")
    expect(page).to_have_url(re.compile("status=stalled"))
    page.locator(".views > summary").click()
    page.get_by_label("Name of the view").fill("Broken")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".views > summary")).to_have_text("View: Broken")
    expect(page.locator(".people__name")).to_have_text(["Ada Lovelace"])
    page.get_by_label("Status").select_option("disabled")
    expect(page.locator(".views > summary")).to_have_text("View: Broken (changed)")
    page.locator(".views > summary").click()
    page.get_by_role("button", name="Save the changes to it").click()
    expect(page.locator(".views > summary")).to_have_text("View: Broken")
    page.goto(urlsplit(page.url).path)
    page.locator(".views > summary").click()
    page.get_by_role("link", name="Broken").click()
    expect(page.locator(".people__name")).to_have_text(["Grace Hopper"])


def test_a_file_holds_what_is_listed(signed_in: SignedIn, crowd: None, tmp_path: Path) -> None:
    page = signed_in("people/")
    page.get_by_label("Status").select_option("stalled")
    expect(page).to_have_url(re.compile("status=stalled"))
    expect(page).to_have_title(re.compile("^People: Needs attention · "))
    page.get_by_text("Export", exact=True).click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Comma-separated").click()
    assert re.fullmatch(r".+-people-\d{4}-\d\d-\d\d\.csv", download.value.suggested_filename)
    download.value.save_as(tmp_path / "people.csv")
    lines = (tmp_path / "people.csv").read_text("utf-8-sig").splitlines()
    assert len(lines) == 2
    assert lines[1].startswith("Ada Lovelace,")
    expect(page.get_by_text("Preparing the file")).to_be_hidden()
    page.get_by_text("Export", exact=True).click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Excel workbook").click()
    assert download.value.suggested_filename.endswith(".xlsx")
    # Longer than anything may take before the page says that it is under way.
    assert page.evaluate(
        "new Promise((done) => setTimeout(() => done(document.getElementById('busy').hidden), 500))"
    )


@pytest.mark.parametrize("width", [320, 1280])
def test_all_columns_fit_on_every_screen(signed_in: SignedIn, crowd: None, width: int) -> None:
    everything = "team,since,kind,recent,last_attempt,last_good,next_run,interval,google,deed"
    page = signed_in(f"people/?columns={everything}", viewport={"width": width, "height": 800})
    tick(page, "Ada Lovelace")
    for menu in page.locator("#main details.menu > summary:visible").all():
        menu.click()
        overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert page.evaluate(overflow) <= 0
        opened = page.locator("details.menu[open] .menu__list").bounding_box()
        assert opened
        assert opened["x"] >= 0
        page.keyboard.press("Escape")
    assert violations(page) == []


def test_what_opens_keeps_nobody_out(signed_in: SignedIn, crowd: None) -> None:
    page = signed_in("people/?status=stalled")
    for name in ("Views", "Columns"):
        page.locator("summary", has_text=name).click()
        assert violations(page) == []
        page.keyboard.press("Escape")


def test_on_a_small_screen_filters_wait_until_asked_for(signed_in: SignedIn, crowd: None) -> None:
    page = signed_in("people/", viewport=NARROW)
    expect(page.get_by_label("Team", exact=True)).to_be_hidden()
    page.get_by_role("button", name="More filters").click()
    expect(page.get_by_label("Team", exact=True)).to_be_visible()
