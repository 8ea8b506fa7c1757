"""Charts in a real browser, on pages that only exist here."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.conftest import NARROW, WIDE, Trouble

pytestmark = pytest.mark.urls("tests.browser.chart_pages")
OpenPage = Callable[..., Page]
SIZES = pytest.mark.parametrize("viewport", [WIDE, NARROW], ids=["wide", "narrow"])


@SIZES
def test_shot(open_page: OpenPage, viewport, tmp_path) -> None:
    page = open_page(viewport)
    page.goto("/charts/")
    expect(page.locator(".chart[data-state=drawn]")).to_have_count(3)
    d = Path(os.environ["SHOTS"]); d.mkdir(exist_ok=True)
    page.screenshot(path=d / f"{viewport['width']}.png", full_page=True)
    page.mouse.wheel(0,0)
    dr = page.locator(".chart__drawing")
    for i in (0,1,2):
        dr.nth(i).scroll_into_view_if_needed()
        b = dr.nth(i).bounding_box()
        page.mouse.move(b["x"]+b["width"]*.45, b["y"]+120)
        page.wait_for_timeout(300)
        dr.nth(i).screenshot(path=d / f"{viewport['width']}-hover{i}.png")
