"""The folder of the page: its data are scripts, and so small that a study of QVHighlights fits into 15 MB."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from eval.explorer.site import render_call
from tests.eval.explorer.small_study import MARKUP, explore, make_rows, read_call, write_study

PAGE = Path(__file__).parents[3] / "eval/explorer/page"
# Of version 1.6.32 in the npm registry.
UPLOT = {
    "uPlot.iife.min.js": "19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f",
    "uPlot.min.css": "df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04",
    "LICENSE": "8f989229699b4fe2f1a0432d0e9edc338a8a911e250e2d1b01ecd770a5f5b1bd",
}


def test_uplot_is_that_of_its_authors() -> None:
    folder = PAGE / "vendor/uplot"
    assert {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()} == UPLOT
    assert "The MIT License" in (folder / "LICENSE").read_text()


@pytest.mark.parametrize("file", sorted(PAGE.glob("*.*")), ids=lambda file: file.name)
def test_the_page_has_no_way_to_run_what_it_shows(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    for way in (
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "Function(",
        "http:",
        "https:",
    ):
        assert way not in text, way
    if file.suffix == ".html":
        assert "Content-Security-Policy" in text and " on" not in text.partition("<body>")[2].replace(" on one", "")


def test_data_are_scripts_in_ascii_that_pass_json() -> None:
    text = render_call("query", 3, {"a": "</script>é\u2028"})
    assert text == 'explorer.query(3,{"a":"</script>\\u00e9\\u2028"});\n'
    with pytest.raises(ValueError, match="JSON"):
        render_call("query", float("nan"))


def test_a_study_of_qvhighlights_fits_into_15_mb(tmp_path: Path) -> None:
    runs = ("base", "film", "mha_strong")
    rows = make_rows(6, runs, clips=75, layers=4)
    for run in runs:
        for row in rows[f"{run}/predictions"]:
            row["pred_relevant_windows"] = [[2.0, 131.25, 0.1234]] * 10
    assert explore(*write_study(tmp_path, rows), "--out-dir", tmp_path / "page") == 0
    sizes = [path.stat().st_size for path in (tmp_path / "page/data/queries").iterdir()]
    assert len(sizes) == 6 and 1550 * max(sizes) < 14.5e6


def test_the_same_study_gives_the_same_bytes_and_fewer_queries_leave_nothing(tmp_path: Path) -> None:
    options = [*write_study(tmp_path, make_rows(5)), "--out-dir", tmp_path / "page"]
    written = []
    for _ in range(2):
        assert explore(*options) == 0
        written.append({path: path.read_bytes() for path in (tmp_path / "page").rglob("*") if path.is_file()})
    assert written[0] == written[1]
    write_study(tmp_path, make_rows(4))
    assert explore(*options) == 0
    queries = sorted((tmp_path / "page/data/queries").iterdir())
    assert [path.name for path in queries] == [f"0000{place}.js" for place in range(4)]
    assert read_call(queries[3])["query"] == MARKUP
