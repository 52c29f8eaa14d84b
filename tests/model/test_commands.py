"""Training and inference through the command line, on features whose signal is easy to learn."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch

from cli import UserError
from formats.store import Arrays, Provenance, write_store
from model.checkpoint import load_network, save_checkpoint
from model.commands.arguments import find_stores
from tests.warm import run_python

CLIPS = 12
CONFIG = {
    "model": {
        "hidden_dim": 32,
        "n_heads": 4,
        "feedforward_dim": 64,
        "fusion_layers": 1,
        "input_dropout": 0.0,
        "dropout": 0.0,
    },
    "train": {"epochs": 60, "learning_rate": 2e-3, "validate_every": 10, "batch_size": 16},
}


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return run_python(["-m", "model", *arguments])


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """48 videos, in each one stretch of clips with a marked direction in the visual features."""
    folder = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    rows = []
    visual: dict[str, Arrays] = {}
    sound: dict[str, Arrays] = {}
    for index in range(48):
        first = int(rng.integers(0, CLIPS - 4))
        clips = list(range(first, first + 4))
        features = 0.3 * rng.standard_normal((CLIPS, 8))
        features[clips, 0] += 2.0
        starts = 2.0 * np.arange(CLIPS)
        times = np.stack([starts, starts + 2.0], axis=1)
        vid = f"v{index:02d}"
        visual[vid] = {"features": features.astype(np.float32), "times": times}
        sound[vid] = {"features": rng.standard_normal((CLIPS, 4)).astype(np.float32), "times": times}
        rows.append(
            {
                "qid": index,
                "vid": vid,
                "query": "the marked part",
                "duration": 2 * CLIPS,
                "relevant_windows": [[2 * first, 2 * first + 8]],
                "relevant_clip_ids": clips,
                "saliency_scores": [[3, 4, 4]] * 4,
            }
        )
    columns = {"n_clips": np.full(48, CLIPS)}
    write_store(folder / "visual.h5", Provenance("clip_visual", "t", "0", "{}", 2.0), visual, visual.get, columns)
    write_store(folder / "pann.h5", Provenance("pann", "t", "0", "{}", 2.0), sound, sound.get, columns)
    text = {"tokens": np.ones((3, 6), np.float32), "pooled": np.ones((1, 6), np.float32)}
    qids = [str(row["qid"]) for row in rows]
    write_store(folder / "text.h5", Provenance("clip_text", "t", "0", "{}", 0.0), qids, lambda _: text, {})
    for name, part in (("train", rows[:32]), ("val", rows[32:])):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in part))
    return folder


def train(data: Path, out: Path, **changes: object) -> subprocess.CompletedProcess[str]:
    files = [data / "visual.h5", data / "pann.h5", data / "text.h5"]
    splits = ["--train", data / "train.jsonl", "--val", data / "val.jsonl"]
    config = json.dumps({**CONFIG, **changes})
    return run("train", "--features", *files, *splits, "--config", config, "--seed", "3", "--out", out)


@pytest.fixture(scope="module")
def trained(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("run")
    done = train(data, out)
    assert done.returncode == 0, done.stderr
    return out


def history(folder: Path) -> list[dict[str, dict[str, float]]]:
    return [json.loads(line) for line in (folder / "history.jsonl").read_text().splitlines()]


def test_it_learns(trained: Path) -> None:
    """The moment is where one feature stands out: 14 of 16 were found; a third fewer would mean that it is broken."""
    lines = history(trained)
    assert len(lines) == 60
    assert lines[-1]["train"]["loss"] < 0.5 * lines[0]["train"]["loss"]
    assert max(line["val"]["MR-full-R1@0.5"] for line in lines if line["val"]) > 60


def test_best_and_last_are_what_they_say(trained: Path) -> None:
    lines = history(trained)
    scores = [line["val"]["MR-full-mAP"] if line["val"] else -1 for line in lines]
    _, best = load_network(trained / "best.pt")
    _, last = load_network(trained / "last.pt")
    assert best["epoch"] == 1 + scores.index(max(scores))
    assert last["epoch"] == 60
    assert best["stage"]["train"]["learning_rate"] == 2e-3


def test_same_seed_same_weights(data: Path, tmp_path: Path) -> None:
    """With dropout, which draws numbers at every step."""
    model = {**CONFIG["model"], "input_dropout": 0.5, "dropout": 0.1}
    folders = tmp_path / "one", tmp_path / "two"
    for folder in folders:
        done = train(data, folder, model=model, train={**CONFIG["train"], "epochs": 6, "validate_every": 3})
        assert done.returncode == 0, done.stderr
    assert (folders[0] / "history.jsonl").read_bytes() == (folders[1] / "history.jsonl").read_bytes()
    first, second = (load_network(folder / "last.pt")[0].state_dict() for folder in folders)
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_infer_writes_submission_rows_and_gates(data: Path, trained: Path, tmp_path: Path) -> None:
    config = json.dumps({"inference": {"gate_sample_count": 5, "batch_size": 7}})
    files = [data / "visual.h5", data / "pann.h5", data / "text.h5"]
    arguments = ["--queries", data / "val.jsonl", "--config", config, "--checkpoint", trained / "best.pt"]
    out, log = tmp_path / "p.jsonl", tmp_path / "g.jsonl"
    done = run("infer", "--features", *files, *arguments, "--out", out, "--gate-log", log)
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert len(rows) == 16  # scores cover the whole split, even where fewer gates are logged
    for row in rows:
        scores = [window[2] for window in row["pred_relevant_windows"]]
        assert scores == sorted(scores, reverse=True)
        assert all(start % 2 == 0 and end % 2 == 0 and start < end for start, end, _ in row["pred_relevant_windows"])
        assert len(row["pred_saliency_scores"]) == CLIPS
    gates = [json.loads(line) for line in log.read_text().splitlines()]
    assert len(gates) == 5
    assert np.shape(gates[0]["layer_gates"][0]["gate_mha"]) == (1, 1)
    assert np.shape(gates[0]["contribution"][0]["mha"]) == (CLIPS,)
    assert gates[0]["clip_times"][-1] == [22.0, 24.0]
    assert gates[0]["has_audio"] is True


def test_two_checkpoints_predict_in_one_process_as_in_two(data: Path, trained: Path, tmp_path: Path) -> None:
    files = [data / f"{name}.h5" for name in ("visual", "pann", "text")]
    given = ["--features", *files, "--queries", data / "val.jsonl"]
    # Here the best epoch is the last one, so the weights of the second checkpoint are changed.
    network, about = load_network(trained / "best.pt")
    save_checkpoint(tmp_path / "best.pt", network, about)
    with torch.no_grad():
        for weights in network.parameters():
            weights.mul_(0.9)
    save_checkpoint(tmp_path / "last.pt", network, about)
    for epoch in ("best", "last"):
        out, log = tmp_path / f"{epoch}.jsonl", tmp_path / f"gates_{epoch}.jsonl"
        done = run("infer", *given, "--checkpoint", tmp_path / f"{epoch}.pt", "--out", out, "--gate-log", log)
        assert done.returncode == 0, done.stderr
    both = ["--checkpoint", tmp_path / "best.pt", tmp_path / "last.pt", "--gate-log", tmp_path / "gates.jsonl"]
    done = run("infer", *given, *both, "--out", tmp_path / "a.jsonl", tmp_path / "b.jsonl")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "best.jsonl").read_bytes() != (tmp_path / "last.jsonl").read_bytes()
    for one, other in (("a", "best"), ("b", "last"), ("gates", "gates_best")):
        assert (tmp_path / f"{one}.jsonl").read_bytes() == (tmp_path / f"{other}.jsonl").read_bytes()
    done = run("infer", *given, *both, "--out", tmp_path / "c.jsonl")
    assert done.returncode == 1 and "--out must name as many files as --checkpoint (2), got 1" in done.stderr
    assert not (tmp_path / "c.jsonl").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": {"hiden_dim": 3}}, "unknown key 'hiden_dim' under model: did you mean hidden_dim?"),
        ({"train": {"epochs": "ten"}}, "train.epochs"),
        ({"model": {"video_streams": ["slowfast"]}}, "slowfast"),
        ({"train": {"batch_size": 0}}, "train.batch_size"),
        ({"model": {"hidden_dim": 30, "n_heads": 2}}, "multiple of 4"),
        ({"train": {"best_metric": "mAP"}}, "train.best_metric"),
        ({"train": {"best_metric": "MR-long-mAP"}}, "train.best_metric"),
    ],
)
def test_a_mistake_is_one_line(data: Path, tmp_path: Path, changes: dict[str, object], message: str) -> None:
    done = train(data, tmp_path, **changes)
    assert done.returncode == 1
    # What was read may be told before it; the mistake is the last line, and one line.
    assert message in done.stderr.splitlines()[-1]
    assert done.stderr.count("error:") == 1 and "Traceback" not in done.stderr


def test_a_full_disk_is_one_line_that_names_the_checkpoint(tmp_path: Path) -> None:
    """Files of the process may have 4 KB here: torch itself would end in a traceback about its archive."""
    code = (
        "import resource, sys; from pathlib import Path; import torch; from cli import UserError\n"
        "from model.checkpoint import save_archive\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))\n"
        "try: save_archive(Path(sys.argv[1]), {'model': {'weight': torch.zeros(100_000)}})\n"
        "except UserError as problem: print(problem)"
    )
    path = tmp_path / "last.pt"
    done = run_python(["-c", code, path])
    assert done.stdout.startswith(f"{path}: cannot be written (is the disk full?): ") and done.stdout.count("\n") == 1
    assert not list(tmp_path.iterdir()), done.stderr


def test_gates_of_an_ungated_run_cannot_be_logged(data: Path, tmp_path: Path) -> None:
    done = train(data, tmp_path, model={**CONFIG["model"], "fusion": "none"}, train={"epochs": 1})
    assert done.returncode == 0, done.stderr
    files = [data / "visual.h5", data / "text.h5"]
    arguments = ["--queries", data / "val.jsonl", "--config", '{"inference":{}}', "--out", tmp_path / "p.jsonl"]
    done = run(
        *("infer", "--features", *files, *arguments),
        *("--checkpoint", tmp_path / "best.pt", "--gate-log", tmp_path / "g.jsonl"),
    )
    assert done.returncode == 1
    assert "no gates to log" in done.stderr


def test_a_checkpoint_that_would_run_code_is_refused(trained: Path, tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return Path.touch, (tmp_path / "executed",)  # type: ignore[return-value]

    torch.save({"format": 1, "model": Trap()}, tmp_path / "bad.pt")
    with pytest.raises(UserError, match=r"bad\.pt"):
        load_network(tmp_path / "bad.pt")
    assert not (tmp_path / "executed").exists()
    # The same file with plain values loads.
    network, about = load_network(trained / "best.pt")
    save_checkpoint(tmp_path / "good.pt", network, about)
    load_network(tmp_path / "good.pt")


def test_settings_of_a_study_file_and_stores_of_a_folder(data: Path, trained: Path, tmp_path: Path) -> None:
    """The same predictions as with JSON and a list; `dataset` and the like are left out, `train` is not read."""
    folder = tmp_path / "features"
    for stream, shard in (("visual", "000"), ("text", "000")):
        (folder / stream).mkdir(parents=True)
        (folder / stream / f"{shard}.h5").symlink_to(data / f"{stream}.h5")
    (folder / "pann.h5").symlink_to(data / "pann.h5")
    study = tmp_path / "study.yaml"
    study.write_text("dataset: {name: x}\nruns: {base: {}}\ntrain: {epochs: 3}\ninference: {round_to_clips: false}\n")
    given = ["--queries", data / "val.jsonl", "--checkpoint", trained / "best.pt"]
    done = run("infer", "--features", folder, *given, "--config", study, "--out", tmp_path / "a.jsonl")
    assert done.returncode == 0, done.stderr
    files = [data / f"{name}.h5" for name in ("visual", "pann", "text")]
    config = json.dumps({"inference": {"round_to_clips": False}})
    done = run("infer", "--features", *files, *given, "--config", config, "--out", tmp_path / "b.jsonl")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "a.jsonl").read_bytes() == (tmp_path / "b.jsonl").read_bytes()


def test_folders_of_stores_are_sorted_and_not_empty(tmp_path: Path) -> None:
    for name in ("b.h5", "a.h5", "pann/001.h5", "pann/000.h5", "pann/old/002.h5", "a.txt"):
        (tmp_path / "f" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "f" / name).touch()
    found = find_stores([tmp_path / "x.h5", tmp_path / "f"])
    assert [str(path.relative_to(tmp_path)) for path in found] == [
        "x.h5",
        *("f/a.h5", "f/b.h5", "f/pann/000.h5", "f/pann/001.h5"),
    ]
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"empty: no feature store in this folder \(\*\.h5 or \*/\*\.h5\)"):
        find_stores([tmp_path / "empty"])
