"""The report in a real browser."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest

from browsing import CONTRAST, Seen, browser, needs_browser, playwright
from losskit.compare import Results
from losskit.compare.report import write
from losskit.reporting.folder import Folder

# A fixture is found where it is imported.
__all__ = ["browser"]

pytestmark = needs_browser


@pytest.fixture(params=["regression", "binary", "multiclass", "evil"])
def report(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    results: Results = request.getfixturevalue(request.param)
    return write(Folder(tmp_path / "out"), results)[0]


def test_it_opens_without_complaint(browser: playwright.Browser, report: Path) -> None:
    seen = Seen(browser, report, 390, "light")
    page = seen.page
    fill = "getComputedStyle(document.querySelector('.plot .xtick text')).fill"
    inks = set()
    for width, scheme in ((390, "light"), (1280, "dark")):
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)
        page.wait_for_timeout(250)  # the pictures follow the width and the scheme
        # No sideways scrolling of the page, and no picture wider than its place.
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        places = page.locator(".plot")
        assert places.count() > 4
        for index in range(places.count()):
            place = places.nth(index)
            assert place.locator(".main-svg").count() > 0
            assert len(place.get_attribute("aria-label") or "") > 20
            box = place.bounding_box()
            drawn = place.locator(".main-svg").first.bounding_box()
            assert box is not None
            assert drawn is not None
            assert drawn["x"] + drawn["width"] <= box["x"] + box["width"] + 1
        assert page.evaluate(CONTRAST) == []
        assert page.evaluate(fill) == page.evaluate("getComputedStyle(document.body).color")
        inks.add(page.evaluate(fill))
    assert len(inks) == 2
    assert seen.complaints == []
    assert seen.network == []
    page.close()


def test_the_keyboard_reaches_what_can_be_used(
    browser: playwright.Browser, tmp_path: Path, multiclass: Results
) -> None:
    file, _ = write(Folder(tmp_path / "out"), multiclass)
    page = Seen(browser, file, 390, "light").page
    reached = set()
    for _ in range(30):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.tagName"))
    assert {"SUMMARY", "BUTTON", "PRE", "DIV"} <= reached
    page.get_by_role("button", name="Copy").click()
    playwright.expect(page.locator("[data-copy]")).to_have_text(re.compile("Copied|Selected"))
    page.close()


def test_the_page_saves_its_numbers(
    browser: playwright.Browser, tmp_path: Path, regression: Results
) -> None:
    file, results = write(Folder(tmp_path / "out"), regression)
    seen = Seen(browser, file, 390, "light")
    saved = {}
    for name in ("results.json", "numbers.csv"):
        with seen.page.expect_download() as waiting:
            seen.page.get_by_role("button", name=f"Save {name}").click()
        saved[waiting.value.suggested_filename] = Path(waiting.value.path()).read_text("utf-8")
    assert seen.complaints == []
    assert json.loads(saved["results.json"]) == json.loads(results.read_text("utf-8"))
    rows = list(csv.DictReader(saved["numbers.csv"].splitlines()))
    run = regression.runs[-1]
    own = [row for row in rows if (row["loss"], row["seed"]) == (run.loss, str(run.seed))]
    metrics = {row["quantity"]: float(row["value"]) for row in own if not row["epoch"]}
    assert metrics == run.metrics
    losses = [float(row["value"]) for row in own if row["quantity"] == "train_loss"]
    assert losses == run.curves.train_loss
    seen.page.close()
