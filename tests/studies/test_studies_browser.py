"""Every study's page in a real browser."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from browsing import CONTRAST, Seen, browser, needs_browser, playwright
from losskit.reporting.folder import Folder
from losskit.studies import STUDIES, StudyResults, study
from losskit.studies.report import write

# A fixture is found where it is imported.
__all__ = ["browser"]

pytestmark = needs_browser
every_study = pytest.mark.parametrize("name", STUDIES)
Run = Callable[[str], StudyResults]


def page_of(name: str, run: Run, tmp_path: Path) -> Path:
    return write(Folder(tmp_path / "out"), study(name), run(name))[0]


@every_study
def test_one_clicks_through_it_without_complaint(
    browser: playwright.Browser, name: str, run: Run, tmp_path: Path
) -> None:
    seen = Seen(browser, page_of(name, run, tmp_path), 375, "light")
    page = seen.page
    for width, scheme in ((375, "light"), (768, "dark"), (1280, "light")):
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)
        page.wait_for_timeout(250)  # the pictures follow the width
        # No sideways scrolling of the page, and no picture wider than its place.
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        places = page.locator(".plot")
        assert places.count() > 3
        for index in range(places.count()):
            place = places.nth(index)
            assert place.locator("svg.main-svg, .gl-container").count() > 0
            assert len(place.get_attribute("aria-label") or "") > 30
            box, drawn = place.bounding_box(), place.locator(".svg-container").bounding_box()
            assert drawn["x"] + drawn["width"] <= box["x"] + box["width"] + 1
        assert page.evaluate(CONTRAST) == []
        for one in page.locator("summary").all():
            one.click()
        for slider in page.locator("input[type=range]").all():
            slider.focus()
            page.keyboard.press("Home")
            assert page.locator("output").inner_text() == "the start"
            page.keyboard.press("ArrowRight")
            assert page.locator("output").inner_text() == "epoch 1"
        page.get_by_role("button", name="Copy").click()
        assert seen.complaints == []
    assert seen.network == []
    page.close()


def test_the_embeddings_move(browser: playwright.Browser, run: Run, tmp_path: Path) -> None:
    seen = Seen(browser, page_of("collapse", run, tmp_path), 1280, "light")
    page = seen.page
    drawn = "document.querySelector('[data-plot=embedding-pairs]').data.flatMap(t => [...t.x])"
    last = page.evaluate(drawn)
    results = run("collapse")
    moments = [one for one in results.points if one.arm == "pairs"]
    assert sorted(last) == sorted(moments[-1].x)
    slider = page.locator("input[type=range]")
    slider.fill("0")
    assert sorted(page.evaluate(drawn)) == sorted(moments[0].x)
    button = page.get_by_role("button", name="Play")
    button.click()
    page.wait_for_timeout(900)
    page.get_by_role("button", name="Stop").click()
    assert 0 < int(slider.input_value()) < len(moments) - 1
    assert seen.complaints == []
    page.close()


def test_all_numbers_can_be_saved(browser: playwright.Browser, run: Run, tmp_path: Path) -> None:
    seen = Seen(browser, page_of("outliers", run, tmp_path), 375, "light")
    saved = {}
    for name in ("results.json", "numbers.csv"):
        with seen.page.expect_download() as waiting:
            seen.page.get_by_role("button", name=f"Save {name}").click()
        saved[name] = Path(waiting.value.path()).read_text("utf-8")
    results = run("outliers")
    assert StudyResults.model_validate(json.loads(saved["results.json"])) == results
    rows = list(csv.DictReader(saved["numbers.csv"].splitlines()))
    own = [row for row in rows if (row["arm"], row["quantity"], row["at"]) == ("mse", "error", "")]
    expected = [one.value for one in results.values if (one.arm, one.measure) == ("mse", "error")]
    assert [float(row["value"]) for row in own] == expected
    seen.page.close()


def test_surfaces_without_webgl_leave_a_note(
    browser: playwright.Browser, run: Run, tmp_path: Path
) -> None:
    file = page_of("landscapes", run, tmp_path)
    page = browser.new_page()
    page.add_init_script(
        "HTMLCanvasElement.prototype.getContext = new Proxy("
        "HTMLCanvasElement.prototype.getContext, { apply: (own, self, given) => "
        "given[0].includes('webgl') ? null : Reflect.apply(own, self, given) });"
    )
    page.goto(file.as_uri())
    page.wait_for_selector(".plot .main-svg")
    assert page.get_by_text("This browser has no WebGL").count() == 3
    page.close()


def test_it_prints_as_wide_as_paper_and_in_ink(
    browser: playwright.Browser, run: Run, tmp_path: Path
) -> None:
    seen = Seen(browser, page_of("kl", run, tmp_path), 1280, "dark")
    page = seen.page
    paper = page.pdf()
    assert paper.startswith(b"%PDF")
    assert len(paper) > 20_000
    widths = "[...document.querySelectorAll('.main-svg')].map(one => one.clientWidth)"
    ink = "getComputedStyle(document.querySelector('.plot .xtick text')).fill"
    before = page.evaluate(widths), page.evaluate(ink)
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print", color_scheme="dark")
    assert max(page.evaluate(widths)) <= 680
    assert page.evaluate(ink) == page.evaluate("getComputedStyle(document.body).color")
    assert page.evaluate(CONTRAST) == []
    assert page.locator("details:not([open])").count() == 0
    page.emulate_media(media="screen", color_scheme="dark")
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert (page.evaluate(widths), page.evaluate(ink)) == before
    assert page.locator("details[open]").count() == 0
    assert seen.complaints == []
    page.close()
