"""One picture per query: its size follows its content, and none overwrites an input."""

from __future__ import annotations

import json

import pytest

from cli import UserError
from eval.best_moments import rank_queries
from eval.plots.moments import plot_every_query, plot_moments

QUERIES = [{"qid": qid, "vid": "v", "query": "a dog", "duration": 8} for qid in (7, 8, 9)]
PREDICTIONS = [
    {"qid": 7, "pred_relevant_windows": [[0, 4, 0.5], [4, 8, 0.25]], "pred_saliency_scores": [0.5, -1.0, 0.0, 2.0]},
    {"qid": 9, "pred_saliency_scores": [0.5, 3.0, -1.0, 3.0]},
]


def test_every_query_has_a_picture_of_its_own_name(tmp_path, png_size):
    written = plot_every_query(PREDICTIONS, QUERIES, tmp_path / "m")
    assert [path.name for path in written] == ["7.png", "8.png", "9.png"]
    heights = [png_size(path)[1] for path in written]
    assert heights[0] > heights[1] == heights[2]  # moments stand below the curve
    again = plot_every_query(PREDICTIONS, QUERIES, tmp_path / "again")
    assert [path.read_bytes() for path in written] == [path.read_bytes() for path in again]


def test_no_picture_overwrites_an_input(tmp_path):
    (tmp_path / "8.png").write_text(json.dumps(QUERIES[0]))
    before = (tmp_path / "8.png").read_bytes()
    with pytest.raises(UserError, match=r"8\.png: would overwrite the input .*8\.png"):
        plot_every_query(PREDICTIONS, QUERIES, tmp_path, inputs=[tmp_path / "8.png"])
    assert [path.name for path in tmp_path.iterdir()] == ["8.png"]  # nor is any other written
    assert (tmp_path / "8.png").read_bytes() == before


def test_a_caption_stands_below_the_figure(tmp_path):
    ranked = rank_queries(PREDICTIONS[:1], QUERIES[:1], 2, ("p", "q"))[7]
    for name, caption in (("with.svg", "Warning: only an example"), ("without.svg", "")):
        plot_moments(QUERIES[0], PREDICTIONS[0], ranked, [tmp_path / name], "p", caption)
    assert "Warning: only an example" in (tmp_path / "with.svg").read_text()
    assert "Warning" not in (tmp_path / "without.svg").read_text()
