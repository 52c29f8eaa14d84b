"""All gate figures for all kinds of logs: no text is cut or overlaps another, and equal input gives equal bytes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from cli import UserError
from eval.plots import GATE_FIGURES
from eval.plots.gates.figures import draw_figures, plot_gate_figures
from eval.plots.gates.parts import draw_parts
from eval.plots.gates.sheet import draw_sheet
from eval.plots.style import house_style
from formats.gate_log import read_gate_log
from tests.eval.gate_logs import CHINESE_NAME, LONG_NAME, make_gate_rows, make_history

# Number of queries (two per video) and options of the generator.
LOGS = {
    "one of the original tool": (1, {"original": True, "layers": 4}),
    "five without audio": (10, {"silent": 1, "gating": "clipwise", "film": True}),
    # Ticks of a narrow range have three decimals.
    "five, equal and narrow, with long names": (
        10,
        {
            **{"equal": 0.582, "film": True, "gamma": True, "gating": "clipwise"},
            **{"layers": 8, "names": (LONG_NAME, CHINESE_NAME)},
        },
    ),
    "all zero": (60, {"equal": 0.0, "film": True}),
    "tiny, 12 layers": (40, {"layers": 12, "gating": "clipwise", "signed": True, "size": 1e-7}),
    "24 layers of four kinds, small": (16, {"layers": 24, "film": True, "gamma": True, "size": 5e-4}),
    "500 videos": (1000, {"layers": 8, "domains": 25, "film": True}),
}


def list_texts(figure: Figure) -> list[Text]:
    """Visible texts of a drawn figure. An axis also holds labels of ticks beyond its ends, which it does not draw."""
    hidden = set()
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            ticks = [tick for tick in axis.get_major_ticks() if axes.axison and low <= tick.get_loc() <= high]
            shown = {id(tick.label1) for tick in ticks}
            hidden |= {id(text) for text in axis.findobj(Text) if text is not axis.label} - shown
    texts = figure.findobj(Text)
    return [text for text in texts if text.get_visible() and text.get_text().strip() and id(text) not in hidden]


def find_flaws(figure: Figure) -> list[str]:
    """Texts beyond the figure's edge, and pairs of texts that cover each other."""
    figure.draw_without_rendering()
    edge = figure.bbox
    boxes = [(text.get_text(), text.get_window_extent()) for text in list_texts(figure)]
    flaws = [
        f"cut: {name!r}"
        for name, box in boxes
        if box.x0 < edge.x0 - 1 or box.y0 < edge.y0 - 1 or box.x1 > edge.x1 + 1 or box.y1 > edge.y1 + 1
    ]
    left, bottom, right, top = np.array([box.extents for _, box in boxes]).T
    across = np.minimum.outer(right, right) - np.maximum.outer(left, left)
    along = np.minimum.outer(top, top) - np.maximum.outer(bottom, bottom)
    # Pixels at 100 dpi: boxes are a little larger than their letters.
    for first, second in np.argwhere(np.triu((across > 1.5) & (along > 1.5), k=1)):
        flaws.append(f"{boxes[first][0]!r} lies on {boxes[second][0]!r}")
    return flaws


@pytest.mark.parametrize("log", LOGS)
def test_texts_are_whole_and_apart(view, log):
    count, options = LOGS[log]
    arranged = view(count, **options)
    history = make_history(20, arranged.log.layers) if count > 1 else None
    with house_style():
        figures = dict(draw_figures(arranged, "Run base, " + "x" * 200, 10, history))
        figures["sheet"] = draw_sheet(arranged, "Run base, " + "x" * 200, 10, history)
        assert {name: flaws for name, figure in figures.items() if (flaws := find_flaws(figure))} == {}


def test_flaws_are_found(styled):
    figure = Figure(figsize=(3, 2))
    figure.subplots().set_title("x" * 300)
    figure.text(0.3, 0.3, "one")
    figure.text(0.31, 0.3, "two")
    flaws = find_flaws(figure)
    assert any(flaw.startswith("cut: 'xxx") for flaw in flaws)
    assert "'one' lies on 'two'" in flaws


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> list[list[Path]]:
    """All figures of one log, drawn twice."""
    folder = tmp_path_factory.mktemp("figures")
    rows = make_gate_rows(6, "clipwise", names=(CHINESE_NAME[:6],))
    (folder / "gate_logs_val_Nall.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    log = read_gate_log(folder / "gate_logs_val_Nall.jsonl")
    return [plot_gate_figures(log, folder / name, "a $5 run", topk=2) for name in ("one", "two")]


def test_figures_are_the_same_bytes_again_and_keep_their_text(written):
    assert [path.name for path in written[0]] == [f"{name}.{end}" for name in GATE_FIGURES for end in ("png", "svg")]
    for first, second in zip(*written, strict=True):
        assert first.read_bytes() == second.read_bytes()
    assert b"Software" not in written[0][0].read_bytes()
    for path in written[0][1::2]:
        text = path.read_text(encoding="utf-8")
        assert "a $5 run" in text and "3 videos" in text
        assert "<dc:date>" not in text and "Matplotlib v" not in text
    # Names that the font cannot draw remain text, for the reader's fonts.
    assert CHINESE_NAME[:6] in (written[0][0].parent / "gate_sections.svg").read_text(encoding="utf-8")


def test_single_figures_are_for_print(written, png_size):
    assert {png_size(path)[0] for path in written[0][::2]} == {2160}  # 7.2 inches at 300 dpi


def test_ticks_of_a_narrow_range_are_apart(styled, view):
    """Four panels side by side, labels of three decimals."""
    rows = make_gate_rows(10, equal=0.582, film=True, gamma=True, silent=9)
    for row in rows:
        for layer in row["layer_gates"]:
            layer["gate_mha"] = [[0.581 + 0.0065 * (row["qid"] // 2)]]
    assert [flaw for flaw in find_flaws(draw_parts(view(rows=rows))) if " lies on " in flaw] == []


def test_no_figure_overwrites_an_input(tmp_path, write):
    log = write("gate_time.svg", make_gate_rows(4))
    before = log.read_bytes()
    with pytest.raises(UserError, match=r"gate_time\.svg: would overwrite the input"):
        plot_gate_figures(read_gate_log(log), tmp_path, inputs=[log])
    assert [path.name for path in tmp_path.iterdir()] == ["gate_time.svg"] and log.read_bytes() == before
