"""Figures of retrieved moments with 1, 5 and 500 queries, equal scores, no windows, and scores beyond 1."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli import UserError
from eval.plots import RETRIEVAL_FIGURES
from eval.plots.retrieval import plot_retrieval_figures
from eval.qvhighlights.score import score_queries
from tests.eval.retrieval.answers import answer, answer_at_random


def text_of(folder: Path, name: str) -> str:
    return (folder / f"{name}.svg").read_text(encoding="utf-8")


@pytest.mark.parametrize("count", [1, 5, 500])
def test_figures_tell_the_official_numbers(tmp_path: Path, count: int) -> None:
    queries = answer_at_random(count, seed=3)
    written = plot_retrieval_figures([queries], tmp_path, "run base")
    assert sorted(path.name for path in written) == sorted(
        f"{name}.{suffix}" for name in RETRIEVAL_FIGURES for suffix in ("png", "svg")
    )
    brief, text = score_queries(queries)["brief"], text_of(tmp_path, "precision_recall")
    for threshold in ("0.5", "0.75"):
        assert f"mean over queries, mAP {brief[f'MR-full-mAP@{threshold}']:.2f}" in text
    assert f"run base · {count} quer" in text
    assert "windows, ECE 0." in text_of(tmp_path, "reliability")
    assert sum(len(windows) for windows in queries.relevant_windows if windows is not None) > 0


def test_equal_input_gives_equal_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        plot_retrieval_figures([answer_at_random(20), answer_at_random(20, 1)], tmp_path / name, "long " * 40)
    for name in RETRIEVAL_FIGURES:
        for suffix in ("png", "svg"):
            one, two = (tmp_path / folder / f"{name}.{suffix}" for folder in ("one", "two"))
            assert one.read_bytes() == two.read_bytes()
    assert "40 queries in 2 files" in text_of(tmp_path / "one", "window_lengths")


def test_panels_without_data_say_why(tmp_path: Path) -> None:
    plot_retrieval_figures([answer(([[0, 10]], []))], tmp_path)
    assert "no windows were predicted" in text_of(tmp_path, "reliability")
    plot_retrieval_figures([answer(([[0, 10]], [[0, 10, 7.5]]))], tmp_path)
    assert "scores are not between 0 and 1" in text_of(tmp_path, "reliability")
    assert "mAP 100.00" in text_of(tmp_path, "precision_recall")


def test_no_input_is_overwritten(tmp_path: Path) -> None:
    mine = tmp_path / "reliability.svg"
    mine.write_text("mine")
    with pytest.raises(UserError, match="would overwrite the input"):
        plot_retrieval_figures([answer_at_random(2)], tmp_path, inputs=[mine])
    assert mine.read_text() == "mine"
