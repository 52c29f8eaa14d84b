"""Arranging a gate log: order, groups, names."""

from __future__ import annotations

import pytest

from eval.plots.gates.view import is_informative
from eval.plots.style import can_draw, fit_text
from tests.eval.gate_logs import make_gate_rows


def test_columns_are_videos_by_group_and_falling_gate(view):
    arranged = view(24)
    assert arranged.per_video and arranged.what == "videos"
    assert dict(arranged.groups) == {"audio informative": 4, "audio not informative": 4, "no audio": 4}
    level = arranged.means["mha"].mean(1)
    for _, found in arranged.members():
        assert [level[index] for index in found] == sorted((level[index] for index in found), reverse=True)
    assert len(arranged.heard()) == 8
    assert arranged.source() == "val · 24 queries of 12 videos · global gating · 3 layers"


def test_columns_are_queries_where_their_gates_differ(view):
    rows = make_gate_rows(4)
    rows[1]["layer_gates"][0]["gate_mha"] = [[0.123]]
    arranged = view(rows=rows)
    assert arranged.what == "queries" and len(arranged.columns) == 4
    assert arranged.name(1, 20) == "video0 q1"


def test_ground_truth_comes_before_the_log(view):
    truth = [{"qid": qid, "audio_informative": False} for qid in range(8)]
    assert dict(view(8, truth=truth).groups) == {"audio not informative": 3, "no audio": 1}


def test_a_log_that_says_nothing_about_audio_is_one_group(view):
    arranged = view(8, original=True)
    assert dict(arranged.groups) == {"all samples": 4}
    assert len(arranged.heard()) == 4


@pytest.mark.parametrize(
    ("row", "expected"),
    [({"audio_informative": 0, "modality": "audio"}, False), ({"modality": "joint"}, True), ({}, None)],
)
def test_label_of_informative_audio(row, expected):
    assert is_informative(row) is expected


def test_long_text_loses_its_middle():
    assert fit_text("short", 10) == "short"
    assert fit_text("abcdefghij\nklmnop", 9) == "abcd…mnop"
    assert fit_text("a\x00b\ud800", 9) == "a b"
    assert fit_text("一二三四五六七八", 9) == "一二…七八"  # as wide as nine Latin letters


def test_names_in_letters_that_no_font_has_get_their_qid(view, monkeypatch):
    arranged = view(4, names=("名",))
    monkeypatch.setattr("eval.plots.gates.view.can_draw", lambda text: False)
    assert arranged.name(2, 20) == "名1 q2"
    assert can_draw("Åß Жω")
    assert not can_draw("\U0010fffd")  # private use: no font has it
