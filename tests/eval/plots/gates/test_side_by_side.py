"""Several runs side by side: each run has its colour, at its own place next to each layer."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import to_hex

from cli import UserError
from eval.plots.gates.side_by_side import MOST_LOGS, draw_comparison, plot_gate_comparison
from eval.plots.gates.view import arrange
from eval.plots.style import COLOURS
from formats.gate_log import read_gate_log
from tests.eval.running import run

pytestmark = pytest.mark.usefixtures("styled")


def test_dots_are_the_samples_of_each_run_and_layer(write, gate_rows):
    logs = [read_gate_log(write("a", gate_rows(8, film=True))), read_gate_log(write("b", gate_rows(8, layers=2)))]
    views = [arrange(log) for log in logs]
    figure = draw_comparison(views, ["base", "film"])
    panels = figure.get_axes()
    assert [axes.get_title(loc="left") for axes in panels] == ["MHA gate", "FFN gate", "FiLM shift"]
    for axes, kind in zip(panels, ("mha", "ffn", "beta"), strict=True):
        dots = [line for line in axes.get_lines() if line.get_marker() == "o"]
        for number, view in enumerate(views):
            if kind not in view.log.kinds:
                continue
            own = [line for line in dots if to_hex(line.get_color()).lower() == COLOURS[number].lower()]
            assert len(own) == view.log.layers
            for layer, line in enumerate(own):
                np.testing.assert_allclose(line.get_ydata(), view.means[kind][view.heard(), layer])
                # On its side of the layer's number.
                assert np.all(np.sign(np.asarray(line.get_xdata()) - layer) == (-1 if number == 0 else 1))
    shown = [text.get_text() for text in figure.legends[0].get_texts()]
    assert shown == ["base: 3 videos with audio, global gating", "film: 3 videos with audio, global gating"]


def test_logs_without_sound_say_so(write, gate_rows):
    figure = draw_comparison([arrange(read_gate_log(write("a", gate_rows(4, silent=1))))], ["base"])
    assert [text.get_text() for text in figure.get_axes()[0].texts] == ["no sample has audio"]


def test_there_are_as_many_colours_as_logs(tmp_path, write, gate_rows):
    log = read_gate_log(write("a", gate_rows(2)))
    with pytest.raises(UserError, match="at most 7 gate logs can be compared in one figure, got 8"):
        plot_gate_comparison([log] * (MOST_LOGS + 1), ["x"] * (MOST_LOGS + 1), [tmp_path / "c.png"])


def test_the_command_names_runs_by_title_or_file(tmp_path, write, gate_rows, capsys):
    logs = [write("a.jsonl", gate_rows(4)), write("b.jsonl", gate_rows(4))]
    command = ["plot-gate-comparison", "--log", *logs, "--out", tmp_path / "c.svg"]
    assert run(*command) == 0
    assert "a.jsonl: 1 video with audio" not in (tmp_path / "c.svg").read_text()
    assert "b.jsonl: 2 videos with audio" in (tmp_path / "c.svg").read_text()
    assert run(*command, "--title", "base", "film") == 0
    assert "film: 2 videos with audio" in (tmp_path / "c.svg").read_text()
    assert run(*command, "--title", "base") == 1
    assert "--title: must have one value per file, got 1 for 2 files" in capsys.readouterr().err
