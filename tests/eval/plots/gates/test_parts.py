"""Gates by part: videos with and without audio, and domains."""

from __future__ import annotations

import pytest

from eval.plots.gates.parts import draw_parts, list_parts

pytestmark = pytest.mark.usefixtures("styled")


def read_labels(axes):
    return [label.get_text() for label in axes.get_yticklabels()]


def read_texts(figure):
    return " ".join(text.get_text() for axes in figure.axes for text in axes.texts)


def test_parts_are_has_audio_and_domains_of_videos_with_audio(view):
    arranged = view(36, domains=2)
    parts = dict(list_parts(arranged))
    assert {name: len(found) for name, found in parts.items()} == {
        "with audio": 12, "no audio": 6, "domain 0": 6, "domain 1": 6,
    }  # fmt: skip
    axes = draw_parts(arranged).axes[0]
    assert read_labels(axes) == ["with audio (12)", "no audio (6)", "domain 0 (6)", "domain 1 (6)"]
    values = arranged.means["mha"][parts["domain 1"]].mean(1)
    row = [line for line in axes.lines if line.get_marker() == "o"][2]
    assert sorted(row.get_xdata()) == pytest.approx(sorted(values))
    assert "nothing to gate: exactly 0" in read_texts(draw_parts(arranged))


def test_many_domains_are_put_together_and_none_is_said(view):
    parts = list_parts(view(200, domains=23))
    assert len(parts) == 2 + 20 + 1 and parts[-1][0] == "3 more domains"
    assert sum(len(found) for _, found in parts[2:]) == len(parts[0][1])
    assert "No domains" in draw_parts(view(8, domains=0)).get_suptitle()
