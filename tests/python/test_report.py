"""`memdump report` in a real browser: opened as a file, searched, zoomed; and nothing that a name says comes true."""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from typing import Any

import pytest
from conftest import VERSIONS
from live import LISTENER, Command, Target

HOSTILE = "</script><img src=x onerror=document.title='gone'>"
LEAK = f"""
import memdump
memdump.install()

class SomeRef:
    pass

Hostile = type({HOSTILE!r}, (), {{}})
leaked = {{"a": [Hostile() for _ in range(50)]}}

def leak(number):
    leaked["a"].extend(SomeRef() for _ in range(number))

leak(10)
listen()
"""


@pytest.fixture(scope="module")
def leaking(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Dumps of a service that leaks, 300 objects from one to the next."""
    venvs = request.config.getoption("--venvs")
    python = next(path for version in VERSIONS if (path := venvs / version / "bin" / "python").exists())
    place = tmp_path_factory.mktemp("leaking")
    (place / "listener.py").write_text(LISTENER)
    (place / "target.py").write_text("from listener import listen\n" + LEAK)
    target = Target([str(python), str(place / "target.py")], place, {})
    try:
        target.await_ready()
        dumps = [target.dump_by_signal()]
        for _ in range(3):
            target.do("leak(300)")
            dumps.append(target.dump_by_signal())
    finally:
        target.destroy()
    return dumps


def open_report(page: Any, memdump: Command, dumps: list[Path], place: Path) -> None:
    written = memdump.run("report", *map(str, dumps), "-o", str(place / "report.html"))
    assert written.returncode == 0, written.stderr
    page.goto((place / "report.html").as_uri())
    page.locator("#words").wait_for()


def test_a_series_is_looked_at(page: Any, memdump: Command, leaking: list[Path], tmp_path: Path) -> None:
    open_report(page, memdump, leaking, tmp_path)
    assert page.locator("#verdict article h3").first.inner_text().endswith("__main__.SomeRef accumulates in a list")
    assert page.locator("#growth canvas").count() == 1
    assert page.locator("#chains svg").count() >= 1
    assert page.title() == f"memdump report: {leaking[-1].name}"
    # Whose it is, and where its thread stood.
    assert "target.py" in page.locator("header code").inner_text()
    assert re.search(r"\(\S+\.py:\d+\)", page.locator("#threads summary").first.inner_text())
    # What never moved would hide what did.
    assert "__main__.SomeRef" in page.locator("#growth tbody td:first-child").all_inner_texts()
    assert "__main__.Hostile" not in " ".join(page.locator("#growth tbody td:first-child").all_inner_texts())
    assert "more are left out here" in page.locator("#growth .note[role=status]").inner_text()


def test_the_chart_is_told_in_round_numbers(page: Any, memdump: Command, leaking: list[Path], tmp_path: Path) -> None:
    page.add_init_script("""
        globalThis.drawn = [];
        const draw = CanvasRenderingContext2D.prototype.fillText;
        CanvasRenderingContext2D.prototype.fillText = function (text, ...rest) {
            drawn.push(text);
            draw.call(this, text, ...rest);
        };
    """)
    open_report(page, memdump, leaking, tmp_path)
    page.wait_for_function("() => drawn.length > 4")
    ticks = page.evaluate("drawn")
    sizes = [tick for tick in ticks if tick.endswith("B")]
    assert len(sizes) > 2 and all(re.fullmatch(r"0 B|\+\d+ [KM]?i?B", size) for size in sizes), sizes
    times = sorted({float(match[1]) for tick in ticks if (match := re.fullmatch(r"([\d.]+) (?:s|min)", tick))})
    steps = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert steps and max(steps) - min(steps) < 1e-9, times
    page.evaluate("drawn.length = 0")
    page.locator("#growth").get_by_role("button", name="Objects", exact=True).click()
    page.wait_for_function("() => drawn.length > 4")
    counts = [tick for tick in page.evaluate("drawn") if re.fullmatch(r"\+[\d,.]+", tick)]
    assert len(counts) > 2 and len(counts) == len(set(counts)), counts


def test_a_phone_and_paper_have_room_for_it(page: Any, memdump: Command, leaking: list[Path], tmp_path: Path) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    open_report(page, memdump, leaking, tmp_path)
    assert page.evaluate("document.scrollingElement.scrollWidth") <= 390
    # Names are not cut into single letters, nor pictures into dots: these scroll.
    assert page.locator("#types tbody td:first-child").first.bounding_box()["width"] > 100
    picture = page.locator("#chains svg").first
    assert picture.bounding_box()["width"] == pytest.approx(float(picture.get_attribute("width")), abs=1)
    # Nothing is drawn again for paper: what was drawn for a wide window fits on it as it is.
    page.add_init_script("globalThis.ResizeObserver = class { observe() {} }")
    page.set_viewport_size({"width": 1280, "height": 900})
    page.reload()
    page.locator("#words").wait_for()
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 700, "height": 900})
    right = "(of) => Math.max(...[...document.querySelectorAll(of)].map((one) => one.getBoundingClientRect().right))"
    for what in ("#map .area", "#growth canvas", "#chains .picture svg"):
        assert page.evaluate(right, what) <= 700, what
    assert page.locator("#map .area").first.evaluate("(area) => getComputedStyle(area).printColorAdjust") == "exact"


def test_tables_are_searched_and_sorted(page: Any, memdump: Command, leaking: list[Path], tmp_path: Path) -> None:
    open_report(page, memdump, leaking, tmp_path)
    types = page.locator("#types")
    types.get_by_role("searchbox").fill("someref")
    names = types.locator("tbody tr td:first-child")
    assert names.all_inner_texts() == ["__main__.SomeRef"]
    assert types.locator("tbody tr td:nth-child(2)").inner_text() == "910"
    types.get_by_role("searchbox").fill("")
    types.get_by_role("button", name="count", exact=True).click()
    counts = [int(text.replace(",", "")) for text in types.locator("tbody tr td:nth-child(2)").all_inner_texts()]
    assert counts == sorted(counts, reverse=True) and len(counts) > 10


def test_the_map_is_zoomed(page: Any, memdump: Command, leaking: list[Path], tmp_path: Path) -> None:
    open_report(page, memdump, leaking, tmp_path)
    crumbs = page.locator("#map .crumbs button")
    assert crumbs.all_inner_texts() == ["everything"]
    area = page.locator("#map .area:enabled").first
    name = area.get_attribute("title").split("\n")[0]
    # Where there is no room for a name there is not half of one.
    areas = "[...document.querySelectorAll('#map .area')]"
    narrow = f"{areas}.filter((area) => area.offsetWidth < 38).map((area) => area.innerText)"
    named = page.locator("#map .area", has_text=re.compile(r"\w")).count()
    assert named > 5 and not any(page.evaluate(narrow))
    area.focus()
    page.keyboard.press("Enter")
    assert crumbs.all_inner_texts() == ["everything", name]
    crumbs.first.click()
    assert crumbs.all_inner_texts() == ["everything"]


def test_hostile_names_are_text(page: Any, memdump: Command, leaking: list[Path], tmp_path: Path) -> None:
    open_report(page, memdump, leaking, tmp_path)
    types = page.locator("#types")
    types.get_by_role("searchbox").fill("onerror")
    assert types.locator("tbody tr td:first-child").all_inner_texts() == [f"__main__.{HOSTILE}"]
    assert page.locator("img").count() == 0 and page.title() != "gone"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_one_dump_is_looked_at_in_light_and_dark(
    scheme: str, page: Any, memdump: Command, leaking: list[Path], tmp_path: Path
) -> None:
    page.emulate_media(color_scheme=scheme)
    open_report(page, memdump, leaking[-1:], tmp_path)
    assert page.locator("#growth").count() == 0
    assert page.locator("#objects tbody tr").count() > 10
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert paper == {"light": "rgb(255, 255, 255)", "dark": "rgb(13, 17, 23)"}[scheme]
