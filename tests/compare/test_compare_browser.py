"""The report in a real browser."""

from __future__ import annotations

import csv
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from losskit.compare import Results
from losskit.compare.report import write
from losskit.reporting.folder import Folder

playwright = pytest.importorskip("playwright.sync_api")

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")


@pytest.fixture(scope="module")
def browser() -> Iterator[playwright.Browser]:
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield opened
        opened.close()


class Seen:
    """A page, and what it complained of or asked for."""

    def __init__(self, browser: playwright.Browser, file: Path, width: int, scheme: str) -> None:
        self.page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: self.complaints.append("dialog"))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(file.as_uri())
        self.page.wait_for_selector(".plot .main-svg")


@pytest.fixture(params=["regression", "binary", "multiclass", "evil"])
def report(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    results: Results = request.getfixturevalue(request.param)
    return write(Folder(tmp_path / "out"), results)[0]


@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (1280, "dark")])
def test_it_opens_without_complaint(
    browser: playwright.Browser, report: Path, width: int, scheme: str
) -> None:
    seen = Seen(browser, report, width, scheme)
    page = seen.page
    assert seen.complaints == []
    assert [url for url in seen.requests if not url.startswith(("file:", "data:"))] == []
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
    page.close()


CONTRAST = """
() => {
  const parse = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
    .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const colour = parse(getComputedStyle(one).backgroundColor);
      if (colour.length === 3 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const found = [];
  for (const element of document.querySelectorAll("main *:not(svg *)")) {
    const own = [...element.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    if (!own) continue;
    const [a, b] = [parse(getComputedStyle(element).color), behind(element)].map(light);
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) found.push(`${element.className} ${ratio.toFixed(2)}`);
  }
  return found;
}
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read_and_pictures_follow_the_scheme(
    browser: playwright.Browser, tmp_path: Path, binary: Results, scheme: str
) -> None:
    file, _ = write(Folder(tmp_path / "out"), binary)
    page = Seen(browser, file, 1280, scheme).page
    assert page.evaluate(CONTRAST) == []
    fill = "getComputedStyle(document.querySelector('.plot .xtick text')).fill"
    before = page.evaluate(fill)
    assert before == page.evaluate("getComputedStyle(document.body).color")
    page.emulate_media(color_scheme="dark" if scheme == "light" else "light")
    page.wait_for_timeout(500)
    assert page.evaluate(fill) == page.evaluate("getComputedStyle(document.body).color") != before
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
