"""The page of a search in a browser: opened from disk, with the answers, their videos and the warning."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from av_highlights import MomentFinder
from av_highlights.__main__ import build_command
from av_highlights.explorer import write_explorer
from av_highlights.report import write_report
from av_highlights.search import find_in_all
from formats.bundle import DEMO_WARNING
from tests.eval.explorer.browser import Opened, open_browser, watch
from tests.eval.explorer.test_page import PLAY_TO

QUERIES = ["a siren is heard", '<b onclick="alert(1)">a dog</b>']


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with open_browser() as started:
        yield started


@pytest.fixture
def opened(browser: Any) -> Iterator[Opened]:
    with watch(browser) as page:
        yield page


def find(*arguments: str | Path) -> int:
    return build_command().main(["find", *map(str, arguments), "--device", "cpu", "--threads", "1"])


def query_data(page: Path) -> list[dict[str, Any]]:
    """The objects of all queries, in the order of the table."""
    texts = [file.read_text() for file in sorted((page.parent / "data/queries").iterdir())]
    return [json.loads(text.partition(",")[2].rpartition(")")[0]) for text in texts]


def test_answers_are_browsed_and_played(
    opened: Opened, make_bundle: Callable[..., Path], videos: Path, cache: Path, tmp_path: Path
) -> None:
    asked = [option for query in QUERIES for option in ("--query", query)]
    assert find(videos, *asked, "--bundle", make_bundle(demo=True), "--cache", cache, "--out", tmp_path / "out") == 0
    index = tmp_path / "out/explorer/index.html"
    page = opened.open(index)
    assert page.get_by_role("note").text_content() == f"Warning: {DEMO_WARNING}."
    assert page.locator("#count").text_content() == "4 queries" and page.title() == "Moments"
    assert not page.locator("#tabs").is_visible()  # there is no study
    page.keyboard.press("s")
    assert page.locator("#detail").is_visible()
    # Query by query, the better video first.
    rows = page.locator(".row .query").all_text_contents()
    assert rows == [QUERIES[0]] * 2 + [QUERIES[1]] * 2
    found = query_data(index)
    best = [query["answers"][0]["windows"][0] for query in found]
    assert best[0][2] >= best[1][2] and best[2][2] >= best[3][2]
    page.get_by_role("columnheader", name="score %", exact=True).get_by_role("button").click()
    street = next(place for place, query in enumerate(found) if query["vid"] == "street.mp4")
    page.locator(f"#row-{street}").click()
    page.wait_for_selector(f"html[data-shown='{street + 1}']", state="attached")
    assert page.evaluate(PLAY_TO, best[street][0] + 0.2) is not None
    assert page.locator(".strip span").count() and page.locator("#detail canvas").count() >= 5
    assert page.locator(".panel .side").first.text_content()
    assert page.evaluate("explorer.player.time") >= best[street][0]
    assert page.locator(".moment.truth").count() == 0
    assert page.locator(".card h3").text_content() == "foundsmall"  # and the bundle
    assert not page.locator("#answer-a").is_visible()  # there is one


def test_the_numbers_are_those_of_the_answers(bundle: Path, cache: Path, videos: Path, tmp_path: Path) -> None:
    finder = MomentFinder.load(bundle, cache=cache, device="cpu", threads=1)
    search = find_in_all(finder, videos, QUERIES)
    ranking = write_report(tmp_path, search, 5)
    index = write_explorer(tmp_path, search, ranking, finder)
    found = {(query["query"], query["vid"]): query for query in query_data(index)}
    assert len(found) == len(search.answers) == 4
    for answer in search.answers:
        query = found[answer.query, answer.video.name]
        windows = [[one.start, one.end, one.score] for one in answer.moments][:10]
        assert query["answers"][0]["windows"] == [[round(n, 4) for n in window] for window in windows]
        assert query["answers"][0]["clips"] == len(answer.saliency) and query["clip"] == 2.0
        assert query["answers"][0]["heard"] == bool(answer.heard.any())
        assert (query["level"] is not None) == (answer.video.name == "street.mp4")
        assert query["media"]["plays"] and (index.parent / query["media"]["url"]).resolve() == answer.video.resolve()
        strip = Image.open(index.parent / query["media"]["pictures"])
        assert query["media"]["count"] == 6 and strip.width % 6 == 0
    # A second search about less leaves nothing of the first one.
    again = find_in_all(finder, videos / "silent.mp4", "a cat")
    write_explorer(tmp_path, again, write_report(tmp_path, again, 5), finder)
    assert [query["query"] for query in query_data(index)] == ["a cat"]
    assert [file.name for file in (index.parent / "previews").iterdir()] == ["00000.jpg"]


def test_pictures_are_kept_in_the_cache(bundle: Path, street: Path, tmp_path: Path) -> None:
    finder = MomentFinder.load(bundle, cache=tmp_path / "cache", device="cpu", threads=1)
    search = find_in_all(finder, street, "a dog")
    ranking = write_report(tmp_path / "a", search, 5)
    write_explorer(tmp_path / "a", search, ranking, finder)
    (made,) = (tmp_path / "cache/videos").glob("*/*/preview-*/0.jpg")
    made.write_bytes(b"kept")
    moved = Path(shutil.move(street, tmp_path / "renamed.mp4"))
    search = find_in_all(finder, moved, "a dog")
    write_explorer(tmp_path / "b", search, write_report(tmp_path / "b", search, 5), finder)
    assert (tmp_path / "b/explorer/previews/00000.jpg").read_bytes() == b"kept"
    assert query_data(tmp_path / "b/explorer/index.html")[0]["media"]["url"] == "./../../renamed.mp4"


def test_highlights_without_a_query_and_without_sound(bundle: Path, cache: Path, videos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert find(videos / "silent.mp4", "--bundle", bundle, "--cache", cache, "--out", out) == 0
    (query,) = query_data(out / "explorer/index.html")
    assert query["query"].startswith("highlights (no query") and query["answers"][0]["windows"] == []
    assert query["answers"][0]["heard"] is False and query["level"] is None
