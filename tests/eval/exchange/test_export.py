"""Whole exports: which files there are, and what stops them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli import UserError
from eval.exchange.cuts import Cut
from eval.exchange.export import FORMATS, footage_of_rows, render_files
from tests.eval.exchange.timelines import make_footage


def selected() -> dict[int | str, list[Cut]]:
    """Two queries about two videos, one of which has a hostile id."""
    one, other = make_footage(), make_footage(vid="../b", file="b.mp4")
    return {
        7: [Cut(one, 30.0, 42.0, "x", 0.5), Cut(one, 60.0, 72.0, "x", 0.4)],
        "../q": [Cut(one, 0.0, 12.0, "y", 0.3), Cut(other, 0.0, 20.0, "y", 0.2), Cut(other, 40.0, 60.0, "y", 0.2)],
        9: [],
    }


@pytest.mark.parametrize("name", FORMATS)
def test_each_format_writes_one_file_per_video_or_a_project(name: str) -> None:
    files, problems = render_files(name, selected(), "video", "moments")
    suffix = FORMATS[name].suffix
    stems = ["moments"] if FORMATS[name].project else ["demo_053", "_b"]
    assert list(files) == [f"{stem}{suffix}" for stem in stems]
    assert all(text.endswith("\n") for text in files.values())
    assert not problems and render_files(name, selected(), "video", "moments") == (files, [])


def test_the_moments_of_a_video_are_in_the_order_of_time() -> None:
    files, _ = render_files("csv", selected(), "video", "moments")
    assert files["demo_053.csv"] == "0,12,y\n30,42,x\n60,72,x\n"


def test_a_file_may_be_about_a_query_or_about_all() -> None:
    assert list(render_files("edl", selected(), "query", "moments")[0]) == ["7.edl", "_q.edl"]
    (text,) = render_files("edl", selected(), "all", "moments")[0].values()
    reels = [line.split()[1] for line in text.splitlines() if line[:3].isdecimal()]
    assert reels == ["DEMO_053", "DEMO_053", "DEMO_053", "B", "B"]


@pytest.mark.parametrize("name", [name for name, form in FORMATS.items() if form.one_video])
def test_formats_about_one_video_are_not_about_several(name: str) -> None:
    with pytest.raises(UserError, match=f"--format {name} is about one video"):
        render_files(name, selected(), "all", "moments")
    both = {7: selected()["../q"]}
    with pytest.raises(UserError, match=r"query 7 is about 2 videos, but a file of --format .* choose --per video"):
        render_files(name, both, "query", "moments")


def test_nothing_selected_is_said() -> None:
    with pytest.raises(UserError, match="no moments are selected: lower --threshold"):
        render_files("csv", {7: []}, "video", "moments")


@pytest.mark.parametrize("name", ["edl", "resolve-markers", "fcp7", "fcpxml", "otio", "label-studio"])
def test_formats_that_count_frames_refuse_a_variable_rate(name: str) -> None:
    footage = make_footage("", problem="variable frame rate: frame 3 is late")
    with pytest.raises(UserError, match="variable frame rate: frame 3 is late: re-encode it"):
        render_files(name, {7: [Cut(footage, 0.0, 2.0, "x", 0.5)]}, "video", "moments", folder=Path("/media"))


@pytest.mark.parametrize("name", ["csv", "llc", "vtt", "srt", "ffmetadata", "via"])
def test_formats_in_seconds_take_a_variable_rate(name: str) -> None:
    footage = make_footage("", problem="variable frame rate: frame 3 is late")
    assert render_files(name, {7: [Cut(footage, 0.0, 2.0, "x", 0.5)]}, "video", "moments")


@pytest.mark.parametrize("name", [name for name, form in FORMATS.items() if form.counts_frames])
def test_one_such_video_is_left_out_and_named(name: str) -> None:
    variable = make_footage("", vid="c", file="c.mp4", problem="variable frame rate: frame 3 is late")
    given = {**selected(), 10: [Cut(variable, 0.0, 2.0, "x", 0.5), Cut(variable, 4.0, 6.0, "x", 0.5)]}
    files, (problem,) = render_files(name, given, "video", "moments")
    assert files == render_files(name, selected(), "video", "moments")[0]
    assert problem.startswith("c.mp4: variable frame rate: frame 3 is late: re-encode it")


def test_lengths_come_from_rows_if_there_is_no_table() -> None:
    rows = [{"vid": "a", "duration": 10}, {"vid": "b", "duration": 10, "duration_s": 11.5}, {"vid": "c"}]
    assert {vid: one.seconds for vid, one in footage_of_rows(rows).items()} == {"a": 10, "b": 11.5, "c": 86400}
    assert json.dumps(list(footage_of_rows([{"vid": 3}, {"vid": "a", "duration": True}]))) == '["a"]'
