"""The report in a real browser: read, filtered and sorted by keyboard, on a phone, light and dark, without network."""

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from app import viewing
from app.viewing import Server, Watched
from evals import report
from tests.browser.conftest import Browser
from tests.evals.made_up import controls, failed, leaks, sweep

MODELS = {
    "vendor/careful": 0.0,
    "vendor/a-model-with-a-very-long-name-that-does-not-fit-on-a-phone": 0.5,
    "local/loose": 1.0,
}
SCENARIOS = ("truck", "office-lease")
ROWS, NAMES = "#rate-body tr", "#rate-body th"
TAB, ENTER = "\ue004", "\ue007"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report with something in each part."""
    found = tmp_path_factory.mktemp("sweep")
    sweep(
        found, controls(), leaks(MODELS, prompts=("default 1", "guarded 2"), scenarios=SCENARIOS),
        failed("local/mute", 30),
    )  # fmt: skip
    (found / "transcripts").mkdir(exist_ok=True)
    (found / "progress.json").write_text(json.dumps({"total": 600, "done": 368, "missing": 30}))
    report.write(found)
    return found


@pytest.fixture
def url(folder: Path) -> str:
    return (folder / report.PAGE).as_uri()


def test_it_opens_from_a_file_asks_for_nothing_and_complains_of_nothing(browser: Browser, url: str) -> None:
    browser.looks()
    browser.open(url)
    assert len(browser.texts(ROWS)) > 10
    assert browser.texts(".says")[0].startswith("Transcripts are kept")
    assert [asked for asked in browser.requests if not asked.startswith(("file:", "data:"))] == []
    assert browser.complaints == []


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [360, 800, 1200])
def test_nothing_is_wider_than_the_screen(
    browser: Browser, url: str, shots: Path, width: int, dark: bool
) -> None:
    browser.looks(width=width, height=740, dark=dark)
    browser.open(url)
    browser.run("document.querySelectorAll('details').forEach(one => { one.open = true })")
    assert browser.run("return document.documentElement.scrollWidth") == width
    beyond = browser.run(
        "return [...document.querySelectorAll('body *')].filter(e => e.checkVisibility() && !e.closest('.skip')"
        f" && e.getBoundingClientRect().right > {width}).map(e => e.outerHTML.slice(0, 90))"
    )
    assert beyond == []
    torn = "return [...document.querySelectorAll('sup')].filter(e => e.offsetLeft < 20 && e.closest('td')).length"
    assert browser.run(torn) == 0  # a mark stays beside its figure
    browser.driver.save_screenshot(str(shots / f"{width}-{'dark' if dark else 'light'}.png"))


def test_text_stands_out_from_its_ground_in_light_and_dark(browser: Browser, url: str) -> None:
    """At least 4.5 to 1 (WCAG 2.2, 1.4.3), and marks at least 3 to 1 (1.4.11)."""
    for dark in (False, True):
        browser.looks(dark=dark)
        browser.open(url)
        ratios = browser.run(CONTRAST)
        assert len(ratios) > 12
        assert {
            name: round(ratio, 2)
            for name, ratio in ratios.items()
            if ratio < (3 if name[1:2].isdigit() else 4.5)
        } == {}


CONTRAST = """
const light = (colour) => {
  const parts = colour.match(/[\\d.]+/g).slice(0, 3).map(v => v / 255)
    .map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
  return .2126 * parts[0] + .7152 * parts[1] + .0722 * parts[2];
};
const ratio = (a, b) => (Math.max(light(a), light(b)) + .05) / (Math.min(light(a), light(b)) + .05);
const colour = (name) => {
  const probe = document.createElement('i'); document.body.append(probe);
  probe.className = 'probe'; const sheet = new CSSStyleSheet(); sheet.replaceSync(`.probe { color: var(--${name}) }`);
  document.adoptedStyleSheets = [sheet]; const found = getComputedStyle(probe).color; probe.remove(); return found;
};
const paper = colour('paper'), found = {};
const onPaper = ['ink', 'soft', 'link', 'c0', 'c1', 'c2', 'c3', 'c4', 'c5', 'c6'];
for (const name of onPaper) found[name] = ratio(colour(name), paper);
for (const name of ['bad', 'warn', 'good']) found[name] = ratio(colour(name), colour(name + '-paper'));
for (const name of ['ink', 'soft']) found[name + ' on panel'] = ratio(colour(name), colour('panel'));
return found;
"""


def test_the_theme_changes_by_keyboard_and_is_remembered(browser: Browser, url: str) -> None:
    browser.looks(dark=False)
    browser.open(url)
    paper = "return getComputedStyle(document.body).backgroundColor"
    light = browser.run(paper)
    browser.press(TAB, TAB, ENTER, ENTER)
    assert browser.run("return document.activeElement.textContent") == "Theme: dark"
    dark = browser.run(paper)
    assert dark != light
    browser.open(url)
    assert browser.run(paper) == dark
    browser.run("localStorage.clear()")
    browser.looks(dark=True)
    browser.open(url)
    assert browser.run(paper) == dark


def test_it_is_filtered_by_keyboard_pictures_too(browser: Browser, url: str) -> None:
    browser.looks()
    browser.open(url)
    marks = (
        "return [...document.querySelectorAll('g[data-row]')].filter(e => e.getClientRects().length).length"
    )
    before = browser.run(marks)
    assert set(browser.texts(NAMES)) == {*MODELS, "local/mute"}
    browser.run("document.getElementById('f-model').focus()")
    browser.press("local/l")
    assert set(browser.texts(NAMES)) == {"local/loose"}
    assert 0 < browser.run(marks) < before / 2
    assert (
        browser.texts("#count")[0].endswith("rates, of 420")
        or " chosen rates, of " in browser.texts("#count")[0]
    )
    browser.run("document.getElementById('f-scenario').focus()")
    browser.press("office")
    assert browser.texts("figure h3") == ["office-lease"]
    browser.run("document.querySelector('#choose button').focus()")
    browser.press(ENTER)
    assert set(browser.texts(NAMES)) == {*MODELS, "local/mute"}
    assert browser.run(marks) == before


def test_of_what_nobody_could_tell_no_interval_is_drawn(browser: Browser, url: str) -> None:
    """The thin line would go from 0 to 1, and look like a measurement."""
    browser.looks()
    browser.open(url)
    shown = """return [...document.querySelectorAll('#rate-body tr')].map(row => [
        row.querySelector('.interval span').textContent, row.querySelectorAll('.interval path:not(.grid)').length,
        row.querySelector('[data-head=interval]').textContent])"""
    rows = browser.run(shown)
    untold = [row for row in rows if row[0] == "unknown"]
    assert untold
    assert untold == [["unknown", 0, "-"]] * len(untold)
    assert all(drawn for text, drawn, _ in rows if text != "unknown")


def test_it_is_sorted_by_keyboard_and_says_how(browser: Browser, url: str) -> None:
    browser.looks()
    browser.open(url)
    browser.run("document.getElementById('sort-rate').focus()")
    states = []
    for _ in range(2):
        browser.press(ENTER)
        states.append(browser.run("return document.activeElement.closest('th').getAttribute('aria-sort')"))
        shown = browser.texts("#rate-body .interval span")
        assert shown[-1] == "unknown"  # what could not be told is last, either way
        values = [float(text.split()[0]) for text in shown if text != "unknown"]
        assert values == sorted(values, reverse=states[-1] == "descending")
        assert min(values) == 0
        assert max(values) == 100
    assert states == ["ascending", "descending"]
    sorted_by = browser.run("return document.querySelectorAll('#rate-head th:not([aria-sort=none])').length")
    assert sorted_by == 1


def test_all_that_can_be_used_is_reached_by_tab_and_shows_it(browser: Browser, url: str) -> None:
    browser.looks()
    browser.open(url)
    wanted = browser.run(
        "return [...document.querySelectorAll('a, button, select, summary')].filter(e => e.checkVisibility()).length"
    )
    seen = 0
    for _ in range(wanted + 5):
        browser.press(TAB)
        state = browser.run(
            "const e = document.activeElement; return e === document.body ? null :"
            " [getComputedStyle(e).outlineStyle, getComputedStyle(e).outlineWidth]"
        )
        if state is None:
            break
        assert state == ["solid", "3px"]
        seen += 1
    assert seen == wanted


def test_every_picture_has_its_table(browser: Browser, url: str) -> None:
    browser.looks()
    browser.open(url)
    pictures = browser.run(
        "return [...document.querySelectorAll('svg[role=img]')].map(e =>"
        " [e.getAttribute('aria-label').length > 20, !!e.closest('section').querySelector('details table')])"
    )
    assert len(pictures) == 1 + len(SCENARIOS)
    assert all(label and table for label, table in pictures)


def test_a_running_sweep_renews_the_page_and_keeps_the_choice(
    browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: Any = pytest.importorskip("selenium.webdriver.support.wait")
    monkeypatch.setattr(viewing, "_LEAST_SECONDS", 0.0)
    monkeypatch.setattr(viewing, "_SHARE", 0)
    folder = sweep(tmp_path, controls(), leaks({"m": 0.5, "n": 0.5}, seeds=1))
    (folder / "progress.json").write_text(json.dumps({"total": 58, "done": 16, "missing": 0}))
    with Server(Watched(folder)) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            browser.looks()
            browser.open(server.url)
            wait = waits.WebDriverWait(browser.driver, 15)
            wait.until(lambda _: "So far: 16 of 58" in browser.texts("#live")[0])
            browser.run("document.getElementById('f-model').focus()")
            browser.press("n")
            assert set(browser.texts(NAMES)) == {"n"}
            assert "Not complete" in browser.texts(".says")[0]
            sweep(folder, controls(), leaks({"m": 0.5, "n": 0.5}))
            (folder / "progress.json").write_text(json.dumps({"total": 58, "done": 58, "missing": 0}))
            wait.until(lambda _: "Ended: 58 of 58" in browser.texts("#live")[0])
            wait.until(lambda _: "Not complete" not in browser.texts(".says")[0])
            assert set(browser.texts(NAMES)) == {"n"}
            assert browser.run("return document.activeElement.id") == "f-model"
            asked = {address.removeprefix(server.url) for address in browser.requests}
            assert asked <= {"", "progress.json", "data:,"}
            assert browser.complaints == []
        finally:
            server.shutdown()
            thread.join()
