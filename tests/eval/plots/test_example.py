"""One query on one time axis: what is drawn, what a missing part says, and that odd input fits."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import StepPatch

from eval.best_moments import rank_queries
from eval.plots.example import Example, plot_example
from eval.plots.gates.view import GateView
from formats.rows import Row
from formats.strip import Strip
from tests.eval.gate_logs import CHINESE_NAME, LONG_NAME


def query(qid: int = 0, vid: str = "video0", **more: Any) -> Row:
    return {"qid": qid, "vid": vid, "query": "a dog barks", "duration": 24, "relevant_windows": [[4, 9]], **more}


def strip(seconds: float = 24.0, shape: tuple[int, int] = (9, 16), sound: bool = True) -> Strip:
    heard = np.linspace(-90, -10, 48 * 60, dtype=np.float32).reshape(48, 60)
    heard[:, 40:] = np.nan
    return Strip("video0", seconds, np.full((8, *shape, 3), 90, np.uint8), heard if sound else heard[:0, :0])


def draw(
    folder: Path, asked: Row, windows: Any = ((4, 10, 0.9),), clips: int = 12, png: bool = False, **more: Any
) -> str:
    """The texts of a.svg, one per line (and a.png); windows None: no moments, clips 0: no prediction."""
    prediction: Row = {"qid": asked["qid"], "pred_saliency_scores": np.sin(np.arange(clips)).tolist()}
    if windows is not None:
        prediction["pred_relevant_windows"] = [list(window) for window in windows]
    predictions = [prediction] if clips else []
    ranked = rank_queries(predictions, [asked], 10, ("p", "q"))[asked["qid"]]
    example = Example(query=asked, prediction=next(iter(predictions), None), ranked=ranked, **more)
    plot_example(example, [folder / "a.svg", *([folder / "a.png"] if png else [])])
    return "\n".join(re.findall(r">([^<>\n]+)</text>", (folder / "a.svg").read_text(encoding="utf-8")))


def test_all_of_it(tmp_path: Path, view: Any) -> None:
    """The mean gate and that of other videos are those of the log."""
    gates: GateView = view(10, truth=[query()])
    shown = draw(tmp_path, query(), view=gates, strip=strip(), about="run base")
    names = ["“a dog barks”", "run base", "frames", "sound", "audio gate", "(MHA)", "FFN gate", "highlight", "moments"]
    assert all(name in shown.splitlines() for name in names)
    mine = gates.means["mha"][0].mean()
    # Of five videos two are informative (0 and 4; 2 has no sound), and 1 and 3 are not.
    other = gates.means["mha"][[2, 6]].mean()
    assert f"{mine:.2f} in this video" in shown and f"{other:.2f} where sound" in shown
    assert "labelled" in shown and "predicted 0.90" in shown
    first = (tmp_path / "a.svg").read_bytes()
    draw(tmp_path, query(), view=gates, strip=strip(), about="run base")
    assert first == (tmp_path / "a.svg").read_bytes()


def test_moments_with_half_the_best_score_are_shown(tmp_path: Path) -> None:
    windows = [[0, 4, 0.8], [4, 8, 0.4], [8, 10, 0.39], [10, 12, 0.1]]
    assert re.findall(r"predicted (\S+)", draw(tmp_path, query(), windows)) == ["0.80", "0.40"]
    assert len(re.findall("predicted", draw(tmp_path, query(), [[0, 2, 0.5]] * 6))) == 3


def test_what_is_missing_is_said(tmp_path: Path, view: Any, png_size: Any) -> None:
    gates = view(10)
    silent = query(4, "video2", relevant_windows=[])
    shown = draw(tmp_path, silent, None, view=gates, strip=strip(sound=False))
    assert "no sound" in shown and shown.count("no sound: nothing to let through") == 2
    assert "no moments are predicted" in shown and "labelled" not in shown
    shown = draw(tmp_path, query(99), clips=0, view=gates, png=True)
    assert shown.count("this query is not in the gate log, which has 10 queries") == 2
    assert "no prediction: the video was left out (problems.tsv)" in shown
    tall = png_size(tmp_path / "a.png")[1]
    shown = draw(tmp_path, query(), png=True)
    assert "gate" not in shown and "frames" not in shown and png_size(tmp_path / "a.png")[1] < tall


def test_without_the_video_the_log_tells_the_level(tmp_path: Path, view: Any) -> None:
    shown = draw(tmp_path, query(), view=view(4))
    assert "level in dB" in shown and "pitch," not in shown and "frames" not in shown


@pytest.mark.parametrize("gating", ["global", "elementwise"])
def test_gates_of_every_kind_long_names_and_hours_fit(tmp_path: Path, view: Any, gating: str, png_size: Any) -> None:
    gates = view(4, gating, film=True, gamma=True, clips=600, names=(LONG_NAME,), signed=True)
    asked = query(0, f"{LONG_NAME}0", query=CHINESE_NAME if gating == "global" else LONG_NAME)
    shown = draw(tmp_path, asked, clips=600, view=gates, strip=strip(1200.0, (16, 9)), about=LONG_NAME * 3, png=True)
    assert "FiLM shift" in shown and "20:00" in shown
    assert png_size(tmp_path / "a.png")[0] == 1350


def test_gates_have_a_gap_where_there_is_no_sound(tmp_path: Path, view: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first three of twelve clips have none; forced zeros would look like gates that shut."""
    figures: list[Figure] = []
    monkeypatch.setattr("eval.plots.example.save_figure", lambda figure, paths: figures.append(figure))
    with pytest.raises(FileNotFoundError):  # nothing is saved
        draw(tmp_path, query(), view=view(4, "clipwise"))
    axes = next(axes for axes in figures[0].axes if axes.get_ylabel().startswith("audio gate"))
    drawn = [patch.get_data() for patch in axes.patches if isinstance(patch, StepPatch)]
    assert len(drawn) == 4  # three layers, and their mean
    for values, edges, _ in drawn:
        assert np.isnan(values[:3]).all() and (values[3:] > 0).all()
        np.testing.assert_array_equal(edges, np.arange(0, 26, 2))
