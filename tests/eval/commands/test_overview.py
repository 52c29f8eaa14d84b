"""The verb `overview`: from the files of other verbs to one page."""

from __future__ import annotations

from tests.eval.running import run


def test_from_scores_to_the_page(tmp_path, write, queries, gate_rows):
    predictions, truth = queries(8)
    files = ["--predictions", write("p.jsonl", predictions), "--ground-truth", write("val.jsonl", truth)]
    scored = {}
    for name, epoch in (("base", "best"), ("base", "last"), ("video_only", "best")):
        out = [tmp_path / f"{name}_{epoch}{part}.json" for part in ("", "_queries")]
        about = ["--run", name, "--seed", 3, "--epoch", epoch]
        assert run("score", *files, *about, "--out", out[0], "--per-query", out[1]) == 0
        scored[name, epoch] = out
    summary = ["--summary", tmp_path / "s.json"]
    metrics = ["--metrics", *(out[0] for out in scored.values())]
    assert run("summarise", *metrics, "--out-json", summary[1]) == 0
    log = ["--log", write("gate_logs_val_Nall.jsonl", gate_rows(8)), "--by", "audio_informative"]
    assert run("gates", *log, "--out", tmp_path / "g.json") == 0
    history = ["--history", write("h.jsonl", [{"epoch": 7}]), "--train", tmp_path / "val.jsonl"]
    values = ["--per-query", scored["base", "best"][1], scored["video_only", "best"][1]]
    runs = ["--run", "base", "gated", "--run", "video_only", "no sound", "--epoch", "best", "--against", "video_only"]
    more = ["--gates", tmp_path / "g.json", "--gates-of", "base", "--see", "a.png", "a picture"]
    out = ["--out", tmp_path / "page.txt"]
    assert run("overview", "--dataset", "toy", *files[2:], *history, *summary, *values, *runs, *more, *out) == 0
    lines = (tmp_path / "page.txt").read_text().splitlines()
    assert lines[0] == "toy: 1 network trained for 7 epochs on 8 queries of 4 videos; val: 8 queries of 4 videos"
    assert lines[2].split() == ["run", "R1@0.5", "R1@0.7", "mAP", "HL-mAP", "HIT@1"]
    # Equal predictions differ by noise alone.
    assert lines[3].count("≈") == 5 and lines[4].count("≈") == 0
    assert lines[5].startswith("ceiling") and "100.0" in lines[5]
    assert any(line.startswith("The audio gates of base are") for line in lines)
    assert lines[-1].split() == ["a.png", "a", "picture"]


def test_only_the_runs_are_needed(tmp_path, capsys):
    given = ["overview", "--dataset", "mine", "--run", "given", "best.pt", "--history", "--summary", "--gates"]
    assert run(*given, "--out", tmp_path / "page.txt") == 0
    text = (tmp_path / "page.txt").read_text()
    assert text.startswith("mine: nothing was trained; best.pt answered 0 queries of 0 videos\n")
    assert run(*given[:-1], "--gates", tmp_path / "gone.json", "--out", tmp_path / "page.txt") == 1
    assert capsys.readouterr().err.endswith("gone.json: no such file\n")
