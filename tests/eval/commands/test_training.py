"""The verb `plot-training`: choice of a history, and the metric that marks the best epoch."""

from __future__ import annotations

from tests.eval.running import run


def test_of_several_histories_the_first_with_rows_is_drawn_under_its_title(tmp_path, write, capsys):
    row = {"epoch": 3, "step": 1, "lr": 0.1, "train": {"loss": 1.0}, "val": {"MR-full-mAP": 12.5}}
    histories = ["--history", write("none.jsonl", []), write("h.jsonl", [row])]
    out = ["--out", tmp_path / "t.svg"]
    assert run("plot-training", *histories, "--title", "of the first", "of the second", *out) == 0
    text = (tmp_path / "t.svg").read_text()
    assert "of the second" in text and "of the first" not in text and "best epoch 3: MR-full-mAP 12.50" in text
    capsys.readouterr()
    assert run("plot-training", *histories, "--best-by", "mAP", *out) == 1
    assert "no epoch has the metric 'mAP'" in capsys.readouterr().err
