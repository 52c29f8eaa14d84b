"""The page in a browser: opened from disk, without a network, right to the frame."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from eval.tvsum.table import make_table
from formats.strip import Preview, write_previews
from tests.eval.explorer.browser import Opened, open_browser, watch
from tests.eval.explorer.small_study import MARKUP, explore, make_rows, write_study
from tests.feature_extractors.made_media import read_number, steady, write_media

FPS, SECONDS, QUERIES = 10, 24, 60
SUMMARY = {
    "columns": [{"key": "MR-full-mAP", "label": "mAP"}, {"key": "modality=audio/MR-full-mAP", "label": "mAP audio"}],
    "rows": [
        {
            "run": run,
            "scope": "all",
            "baseline": run == "random",
            "seeds": [1, 2],
            "values": {
                "MR-full-mAP": {"mean": 61.5, "sd": 1.5, "interval": [55.0, 70.0]},
                "modality=audio/MR-full-mAP": {"mean": 40.0, "sd": None},
            },
        }
        for run in ("film (best epoch)", "random")
    ],
}
# Seeks by a call or a click, and resolves with the time of the frame that is then on the screen; None if none comes.
SEEK = """async ({ time, selector }) => {
    const video = document.querySelector("video");
    const heard = (name) => new Promise((done) => video.addEventListener(name, done, { once: true }));
    if (video.readyState < 2) await heard("loadeddata");
    if (video.seeking) await heard("seeked");
    const shown = new Promise((done) => video.requestVideoFrameCallback((_, frame) => done(frame.mediaTime)));
    if (selector) document.querySelector(selector).click();
    else explorer.player.seek(time);
    let left = 200;
    const drawings = new Promise((done) => {
        const each = () => (left-- ? requestAnimationFrame(each) : done(null));
        each();
    });
    return Promise.race([shown, drawings]);
}"""
# Resolves with the time of the first frame after `time` that is played; None if the video does not play.
PLAY_TO = """(time) => new Promise((done) => {
    const video = document.querySelector("video");
    let left = 600;
    const each = () => {
        if (!video.paused && video.currentTime >= time) done(video.currentTime);
        else if (left--) requestAnimationFrame(each);
        else done(null);
    };
    each();
})"""
AFTER_DRAWING = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study with a video of numbered frames, whose second 0 is a second into the file."""
    folder = tmp_path_factory.mktemp("study")
    options = write_study(folder, make_rows(QUERIES))
    for name in ("videos", "previews"):
        (folder / name).mkdir()
    write_media(folder / "videos/video 0#.mp4", steady(SECONDS + 1, FPS))
    Image.new("RGB", (6 * 64, 48), (40, 90, 160)).save(folder / "previews/0.jpg")
    shown: dict[str, Any] = {"seconds": float(SECONDS), "pictures": "0.jpg", "count": 6}
    first = Preview(vid="video 0", file="video 0#.mp4", codecs="h264", plays=True, start_s=1.0, **shown)
    other = Preview(vid="video 1", file="b.avi", codecs="mpeg4", problem="cut off", **shown)
    write_previews(folder / "previews", [first, other])
    chance = {"mAP": {"audio": 40.0, "visual": 50.0, "mean": 45.0}}
    about = {"run": "base", "seed": 1}
    last = {"mAP": {"audio": 60.0, "visual": 62.5, "mean": 61.25}}
    table = make_table([("a", {"about": about, "rows": {"last epoch": last, "chance": chance}})])
    (folder / "tvsum.json").write_text(json.dumps(table))
    (folder / "summary.json").write_text(json.dumps(SUMMARY))
    options += ["--domains", f"{folder}/tvsum.json", "--summary", f"{folder}/summary.json"]
    options += ["--previews", str(folder / "previews"), "--videos", str(folder / "videos"), "--warning", "of no use"]
    assert explore(*options, "--out-dir", folder / "page") == 0
    return folder / "page/index.html"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with open_browser() as started:
        yield started


@pytest.fixture
def opened(browser: Any) -> Iterator[Opened]:
    with watch(browser) as page:
        yield page


def shown(page: Any) -> str:
    return page.evaluate("document.documentElement.dataset.shown")


def names(page: Any) -> list[str]:
    return [text.partition(" ·")[0] for text in page.locator(".row .about").all_text_contents()]


def number_on_screen(page: Any) -> int:
    """The number in the frame that the player shows, above its controls."""
    box = page.locator("video").bounding_box()
    # The picture of 64 x 48 fills the height of the player.
    width = box["height"] * 64 / 48
    clip = {"x": box["x"] + (box["width"] - width) / 2, "y": box["y"] + 10, "width": width, "height": 60}
    picture = np.asarray(Image.open(io.BytesIO(page.screenshot(clip=clip))).convert("RGB"))
    return read_number(picture, size=None)


def test_a_moment_seeks_to_its_frame(opened: Opened, index: Path) -> None:
    page = opened.open(index, "#qid=0&t=12")
    for name, seconds in (("Labelled moment", 2.0), ("base, moment 2", 0.0), ("base, moment 1", 2.0)):
        page.evaluate(SEEK, {"time": 20.0})  # a player that is at the time already shows no new frame
        time = page.evaluate(SEEK, {"selector": f'[aria-label^="{name}"]'})
        assert time == pytest.approx(seconds + 1.0, abs=1e-6)
        assert number_on_screen(page) == round((seconds + 1.0) * FPS)


@pytest.mark.parametrize("frame", [0, 33, 239])
def test_a_time_between_clips_is_right_to_the_frame(opened: Opened, index: Path, frame: int) -> None:
    page = opened.open(index, "#qid=0&t=12")
    assert page.evaluate(SEEK, {"time": frame / FPS}) == pytest.approx(frame / FPS + 1.0, abs=1e-6)
    assert number_on_screen(page) == frame + FPS


def test_a_click_on_a_row_plays_and_the_panels_follow(opened: Opened, index: Path) -> None:
    page = opened.open(index, "#qid=5")
    page.locator("#row-0").click()
    page.wait_for_selector("html[data-shown='0']", state="attached")
    # It plays from the best moment on, which begins at 2 s: a second later in the file.
    time = page.evaluate(PLAY_TO, 3.3)
    assert time is not None and 3.3 <= time < 8
    page.keyboard.press("Space")
    assert page.evaluate("document.querySelector('video').paused")
    page.evaluate(AFTER_DRAWING)
    # What is seen is the frame of that time; the next one may have been on its way.
    time = page.evaluate("document.querySelector('video').currentTime")
    assert abs(number_on_screen(page) - int(time * FPS)) <= 1
    now, text = page.evaluate("[explorer.player.time, document.querySelector('.playhead span').textContent]")
    assert now >= 2.2 and text.startswith("0:0")


def test_a_click_on_a_curve_seeks(opened: Opened, index: Path) -> None:
    page = opened.open(index, "#qid=0&t=0")
    over = page.locator(".u-over").nth(1)
    over.scroll_into_view_if_needed()
    box = over.bounding_box()
    page.mouse.click(box["x"] + box["width"] * 0.75, box["y"] + 5)
    assert page.evaluate("explorer.player.time") == pytest.approx(0.75 * SECONDS, abs=0.1)
    left = page.evaluate("document.querySelector('.playhead').getBoundingClientRect().left")
    assert left == pytest.approx(box["x"] + box["width"] * 0.75, abs=2)


def test_queries_are_sorted_and_searched(opened: Opened, index: Path) -> None:
    page = opened.open(index)
    assert names(page)[:3] == ["0", "1", "2"]
    values = [(37 * qid) % 101 for qid in range(QUERIES)]
    page.get_by_role("columnheader", name="AP", exact=True).get_by_role("button").click()
    first = names(page)[0]
    assert values[int(first)] in (min(values), max(values))
    page.locator("#order").select_option("MR-full-mAP|up")
    assert names(page)[0] == str(int(np.argmin(values)))
    page.locator("#search").fill("NUMBER video 1")
    # Every word must be in the query, the name of its video, its id or its kind: not in queries of markup.
    found = [qid for qid in range(QUERIES) if qid % 4 < 3 and "1" in f"{qid} {qid // 2}"]
    assert page.locator("#count").text_content() == f"{len(found)} of {QUERIES} queries"
    page.locator("#search").fill("")
    page.locator("#group").select_option("audio")
    assert page.locator("#count").text_content() == f"{QUERIES // 2} of {QUERIES} queries"
    page.locator("#search").fill("nothing like it")
    assert page.get_by_text("No query matches.").is_visible()


def test_two_runs_are_compared(opened: Opened, index: Path) -> None:
    page = opened.open(index, "#qid=0&run=base")
    assert page.locator(".card").count() == 1
    page.locator("#answer-b").select_option(label="film")
    assert page.locator(".card h3 .swatch").all_text_contents() == ["base", "film"]
    assert page.locator(".moment.b").count() == 2
    page.locator("#order").select_option("gain|up")
    gains = [((37 * qid + 11) % 101) for qid in range(QUERIES)]
    losses = [(37 * qid) % 101 - gains[qid] for qid in range(QUERIES)]
    assert losses[int(names(page)[0])] == min(losses)
    page.keyboard.press("Escape")
    page.locator("h1").click()
    page.keyboard.press("x")
    assert page.locator(".card h3 .swatch").all_text_contents() == ["film", "base"]


def test_keys_and_links(opened: Opened, index: Path) -> None:
    page = opened.open(index, "#qid=4&t=6.5&run=film&vs=base")
    assert shown(page) == "4" and page.evaluate("explorer.player.time") == 6.5
    assert page.locator("#answer-a option:checked").text_content() == "film"
    for key, qid in (("j", "5"), ("ArrowDown", "6"), ("k", "5")):
        page.keyboard.press(key)
        page.wait_for_selector(f"html[data-shown='{qid}']", state="attached")
    before = page.evaluate("explorer.player.time")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("explorer.player.time") == before + 2
    page.keyboard.press("?")
    assert page.get_by_role("dialog").is_visible()
    page.get_by_role("button", name="Close").click()
    page.keyboard.press("s")
    assert page.locator("#study").is_visible() and page.locator("#study canvas").count() == 2
    link = page.evaluate(
        """() => new Promise((done) => {
            const replace = history.replaceState.bind(history);
            history.replaceState = (...given) => { replace(...given); done(location.hash); };
            explorer.player.seek(3.25);
        })"""
    )
    assert link == "#view=study&qid=5&t=3.25&run=film&vs=base"


def test_the_page_of_the_study_leads_to_queries(opened: Opened, index: Path) -> None:
    page = opened.open(index, "#view=study&qid=0")
    assert "[object" not in page.locator("#study").text_content()
    first = page.locator("table.runs tbody tr").first
    assert first.locator("td").nth(1).text_content() == "61.5 ± 1.5"
    dots = page.locator(".domain .dot").evaluate_all("dots => dots.map((dot) => dot.style.left)")
    ticks = page.locator(".domain .chance").evaluate_all("ticks => ticks.map((tick) => tick.style.left)")
    assert (dots, ticks) == (["60%", "62.5%", "61.25%"], ["40%", "50%", "45%"])
    page.get_by_role("button", name="film, audio: 40.0; its queries").click()
    # Of film, those about sound, the worst first.
    worst = min(range(1, QUERIES, 2), key=lambda qid: (37 * qid + 11) % 101)
    assert page.locator("#answer-a option:checked").text_content() == "film"
    assert names(page)[0] == str(worst) and page.locator("#group").input_value() == "audio"


def test_what_is_shown_is_never_run(opened: Opened, index: Path) -> None:
    page = opened.open(index, "#qid=3")
    assert page.locator("h2").first.text_content() == MARKUP
    assert page.locator("#detail img, .row img").count() == 0


def test_a_video_that_browsers_do_not_play_leaves_its_pictures_and_curves(opened: Opened, index: Path) -> None:
    page = opened.open(index, "#qid=2&t=0")
    assert page.locator(".problem").text_content() == "cut off"
    assert "Browsers do not play mpeg4 in b.avi" in page.locator(".why").text_content()
    assert page.locator(".picture").is_visible() and page.locator("#detail canvas").count() >= 5
    page.keyboard.press("ArrowRight")
    assert page.evaluate("explorer.player.time") == 2.0


def test_a_video_that_is_gone_is_said_so(browser: Any, index: Path) -> None:
    page = Opened(browser)
    file = index.parent.parent / "videos/video 0#.mp4"
    file.rename(file.with_suffix(".away"))
    try:
        page.open(index, "#qid=0")
        page.page.wait_for_selector(".why")
        assert "cannot play video 0#.mp4" in page.page.locator(".why").text_content()
    finally:
        file.with_suffix(".away").rename(file)
    page.context.close()


def test_hours_of_video_many_layers_and_no_sound_are_drawn(opened: Opened, tmp_path: Path) -> None:
    rows = make_rows(1, ("base",), clips=5400, layers=24)
    rows["base/gates"][0] |= {"has_audio": False, "audio_level_db": [None] * 5400}
    assert explore(*write_study(tmp_path, rows), "--out-dir", tmp_path / "page") == 0
    page = opened.open(tmp_path / "page/index.html")
    assert page.locator("#detail canvas").count() == 5  # saliency, two gates, two contributions
    assert page.get_by_text("no sound: nothing to let through").count() == 1
    assert page.get_by_text("mean of 24 layers").count() == 3
    assert page.locator("#count").text_content() == "1 query"


@pytest.mark.parametrize("width", [1280, 1920])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_sticks_out(browser: Any, index: Path, width: int, scheme: str) -> None:
    page = Opened(browser, viewport={"width": width, "height": 800}, color_scheme=scheme)
    page.open(index, "#qid=0&run=base&vs=film")
    page.page.evaluate(AFTER_DRAWING)
    assert page.page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.page.evaluate(
        "document.getElementById('detail').scrollWidth <= document.getElementById('detail').clientWidth"
    )
    back = page.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (back == "rgb(13, 17, 23)") == (scheme == "dark")
    assert page.problems == []
    page.context.close()


def test_readers_of_screens_are_told(opened: Opened, index: Path) -> None:
    page = opened.open(index, "#qid=0")
    assert page.get_by_role("grid", name="Queries").get_attribute("aria-rowcount") == str(QUERIES + 1)
    assert page.get_by_role("img", name="MHA gate: base L1 mean").is_visible()
    assert page.get_by_role("note").text_content() == "Warning: of no use."
    unnamed = page.evaluate(
        """[...document.querySelectorAll("button, select, input, video, [role=img]")].filter((one) =>
            one.checkVisibility() && !(one.ariaLabel || one.textContent.trim() || one.labels?.length || one.title)
        ).length"""
    )
    assert unnamed == 0
