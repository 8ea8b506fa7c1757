"""Charts in a real browser, on pages that only exist here."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from monitoring.console.charts import Chart
from tests.browser import chart_pages
from tests.browser.conftest import NARROW, WIDE, Trouble, becomes

pytestmark = pytest.mark.urls("tests.browser.chart_pages")
OpenPage = Callable[..., Page]
SIZES = pytest.mark.parametrize("viewport", [WIDE, NARROW], ids=["wide", "narrow"])
BUNDLE = "**/plotly-basic.min.js"
# In the order of the page: bars, lines, stacked bars.
STOPS, LINES, STACKS = range(3)


def opened(open_page: OpenPage, **options: object) -> Page:
    """Open the page of charts and wait for each to be drawn."""
    page = open_page(**options)
    page.goto("/charts/")
    expect(page.locator(".chart[data-state=drawn]")).to_have_count(3)
    return page


def drawing(page: Page, place: int) -> Locator:
    return page.locator(".chart__drawing").nth(place)


def bars(page: Page, place: int) -> Locator:
    """All bars to be seen; the columns that answer the pointer are on an axis of their own."""
    return drawing(page, place).locator(".overplot > .xy .barlayer .point")


def words(locator: Locator) -> list[str]:
    return [text.replace("\xa0", " ") for text in locator.all_text_contents()]


@SIZES
def test_charts_are_drawn_under_the_policy(open_page: OpenPage, viewport: dict[str, int]) -> None:
    page = opened(open_page, viewport=viewport)
    expect(bars(page, STOPS)).to_have_count(len(chart_pages.stop_times().table.rows))
    assert bars(page, STOPS).first.bounding_box()["height"] > 20
    expect(bars(page, STACKS)).to_have_count(4 * 30)
    expect(drawing(page, LINES).locator(".scatterlayer .js-line")).to_have_count(5)
    for place, chart in [
        (STOPS, chart_pages.stop_times()),
        (LINES, chart_pages.people_by_status()),
    ]:
        assert_labelled(page, place, chart)
    expect(page.get_by_text("Nobody stopped.")).to_be_visible()
    # The rules are in the element that our policy lets in, and there is no other.
    assert page.locator("style").count() == 1
    assert page.evaluate("document.querySelector('style').sheet.cssRules.length") > 10


def assert_labelled(page: Page, place: int, chart: Chart) -> None:
    labels = drawing(page, place).locator(".annotation-text")
    wanted = [annotation["text"] for annotation in chart.figure["layout"]["annotations"]]
    assert words(labels) == wanted
    boxes = sorted(labels.nth(index).bounding_box()["y"] for index in range(len(wanted)))
    assert all(after - before > 12 for before, after in pairwise(boxes))
    frame = drawing(page, place).bounding_box()
    for index in range(len(wanted)):
        box = labels.nth(index).bounding_box()
        assert box["x"] >= frame["x"]
        assert box["x"] + box["width"] <= frame["x"] + frame["width"]


@SIZES
def test_marks_of_time_have_room_and_no_page_scrolls_sideways(
    open_page: OpenPage, viewport: dict[str, int]
) -> None:
    page = opened(open_page, viewport=viewport)
    for place in (STOPS, LINES, STACKS):
        marks = drawing(page, place).locator(".xtick text")
        boxes = [mark.bounding_box() for mark in marks.all()]
        assert len(boxes) >= 3
        for before, after in pairwise(boxes):
            assert before["x"] + before["width"] + 4 < after["x"]
        expect(drawing(page, place).locator(".xtitle")).to_have_text("Time in Europe/Berlin")
    page.locator(".chart__data > summary").first.click()
    overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert page.evaluate(overflow) <= 0


def test_a_chart_is_written_in_the_type_of_the_page(open_page: OpenPage) -> None:
    page = opened(open_page)
    family = "(element) => getComputedStyle(element).fontFamily"
    assert drawing(page, STOPS).locator(".xtick text").first.evaluate(family) == page.locator(
        "body"
    ).evaluate(family)


@SIZES
def test_nothing_moves_when_the_drawing_comes(
    open_page: OpenPage, viewport: dict[str, int]
) -> None:
    page = open_page(viewport=viewport)
    held: list[Route] = []
    page.route(BUNDLE, lambda route: held.append(route))
    with page.expect_request(BUNDLE):
        page.goto("/charts/")
    before = page.locator(".chart").evaluate_all("(all) => all.map((one) => one.offsetHeight)")
    held[0].continue_()
    expect(page.locator(".chart[data-state=drawn]")).to_have_count(3)
    after = page.locator(".chart").evaluate_all("(all) => all.map((one) => one.offsetHeight)")
    assert before == after


@SIZES
def test_the_table_opens_and_scrolls_by_keyboard(
    open_page: OpenPage, viewport: dict[str, int]
) -> None:
    page = opened(open_page, viewport=viewport)
    table = page.locator(".chart__table").nth(LINES)
    expect(table).to_be_hidden()
    page.locator(".chart__data > summary").nth(STOPS).focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(table).to_be_visible()
    assert words(table.locator("thead th"))[:2] == ["Time (Europe/Berlin)", "Syncing"]
    expect(table.locator("tbody tr")).to_have_count(84)
    page.keyboard.press("Tab")
    region = page.get_by_role("region", name="People by status, as a table")
    expect(region).to_be_focused()
    page.keyboard.press("End")
    becomes(page, "(element) => element.scrollTop > 0", region.element_handle())
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    expect(table).to_be_hidden()


def test_who_listens_hears_the_summary(open_page: OpenPage) -> None:
    page = opened(open_page)
    summary = chart_pages.stop_times().summary
    expect(page.get_by_role("img", name=summary, exact=True)).to_be_visible()


def test_pointing_at_a_time_says_all_there_was(open_page: OpenPage) -> None:
    page = opened(open_page)
    frame = drawing(page, LINES).bounding_box()
    page.mouse.move(frame["x"] + frame["width"] / 3, frame["y"] + 120)
    said = drawing(page, LINES).locator(".hovertext")
    expect(said).to_contain_text("Never connected")
    expect(said).to_contain_text("Syncing")
    expect(said).to_contain_text("Nov")


def test_a_chart_follows_the_width_of_the_page(open_page: OpenPage) -> None:
    page = opened(open_page)
    many = drawing(page, LINES).locator(".xtick text").count()
    page.set_viewport_size(NARROW)
    becomes(
        page,
        "[...document.querySelectorAll('.chart__drawing')].every("
        "(one) => one.querySelector('.main-svg').clientWidth === one.clientWidth)",
    )
    expect(drawing(page, LINES).locator(".xtick text")).to_have_count(3)
    assert many == 7
    assert drawing(page, LINES).bounding_box()["height"] == 260


def test_a_chart_swapped_in_is_drawn_and_the_former_let_go(open_page: OpenPage) -> None:
    page = open_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto("/charts/")
    expect(page.locator(".chart[data-state=drawn]")).to_have_count(3)
    page.evaluate("window.former = document.querySelector('.chart__drawing')")
    assert page.evaluate("Boolean(former._fullLayout)")
    page.get_by_role("button", name="Another").click()
    expect(page.locator(".chart[data-state=drawn]")).to_have_count(1)
    expect(bars(page, STOPS)).to_have_count(len(chart_pages.stop_times().table.rows))
    expect(page.locator(".chart__table")).to_be_hidden()
    assert not page.evaluate("Boolean(former._fullLayout)")
    assert len([url for url in asked if "plotly" in url]) == 1


def test_without_scripts_the_tables_are_open(open_page: OpenPage) -> None:
    page = open_page(java_script_enabled=False)
    page.goto("/charts/")
    for table in page.locator(".chart__table").all():
        expect(table).to_be_visible()
    expect(drawing(page, STOPS)).to_be_hidden()


@pytest.mark.parametrize("lost", [BUNDLE, "**/charts.js"])
def test_where_a_script_does_not_come_the_tables_are_open(
    open_page: OpenPage, trouble: Trouble, lost: str
) -> None:
    page = open_page()
    page.route(lost, lambda route: route.abort())
    page.goto("/charts/")
    expect(page.locator(".chart__table").nth(STACKS)).to_be_visible()
    expect(drawing(page, STOPS)).to_be_hidden()
    told = page.get_by_text("The chart could not be drawn").first
    expect(told).to_be_visible(visible=lost == BUNDLE)
    assert any("net::ERR_FAILED" in said for said in trouble.found)
    trouble.found.clear()
