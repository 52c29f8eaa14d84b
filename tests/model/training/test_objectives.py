"""Training beyond QVHighlights' rows: TVSum's ratings, captions, long videos, rows without moments."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from cli import UserError
from eval.qvhighlights.score import evaluate
from eval.tvsum.scores import score_predictions
from eval.tvsum.videos import read_videos
from model.checkpoint import load_network
from model.config import TrainConfig, TrainStage
from model.network.detector import HighlightDetector
from model.training.labels import check_rows
from model.training.run import train_run
from model.training.targets import read_labels, read_rating_labels, read_window_labels
from model.training.validation import validate
from tests.model.small_data import SMALL, STILL, Data, Json, read_rows, run, train_command, write_data
from tests.model.training.small_runs import SALIENCY, fit, read


@pytest.fixture(scope="module")
def trained(tvsum: Data, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("trained")
    fit(tvsum, out, **SALIENCY, epochs=30)
    return out


def test_ratings_become_saliency_and_one_pair() -> None:
    """qd_detr.md 3.4: sum of (label - 1) over 20 annotators, of 80, brought to 12; best over worst clip."""
    label = np.ones((5, 20))
    label[2], label[3, :10], label[4, 0] = 5, 3, 2
    row = {"qid": "x", "label": label.tolist()}
    targets = read_rating_labels(row, np.ones(5, bool)).targets
    np.testing.assert_allclose(targets.saliency, [0, 0, 12, 20 / 80 * 12, 1 / 80 * 12], rtol=1e-6)
    assert (targets.higher, targets.lower) == ((2,), (0,))
    assert targets.spans.shape == (0, 2)
    # A clip more than labels is in no pair, a label more than clips is left out.
    assert read_rating_labels(row, np.ones(6, bool)).targets.saliency.tolist()[5] == 0
    assert read_rating_labels({"qid": "x", "label": label[::-1].tolist()}, np.ones(3, bool)).targets.higher == (2,)


def test_saliency_alone_learns_and_never_runs_the_decoder(tvsum: Data, trained: Path) -> None:
    lines = read_rows(trained / "history.jsonl")
    assert set(lines[0]["train"]) == {"loss", "loss_saliency"}
    assert lines[-1]["train"]["loss"] < 0.7 * lines[0]["train"]["loss"]
    # The marked clips are rated highest by all; chance is about 43.
    assert max(line["val"]["mAP"] for line in lines if line["val"]) > 90
    network, about = load_network(trained / "last.pt")
    torch.manual_seed(3)
    start = HighlightDetector(network.config, network.dims)
    assert all(torch.equal(a, b) for a, b in zip(network.decoder.parameters(), start.decoder.parameters(), strict=True))
    assert not torch.equal(network.saliency_clip.weight, start.saliency_clip.weight)
    assert about["objective"] == "saliency"


def test_validation_is_the_score_of_tvsum(tvsum: Data, trained: Path, tmp_path: Path) -> None:
    """The same number as `python -m eval tvsum` gives for what `infer` predicts."""
    arguments = ["--features", *tvsum.stores, "--queries", tvsum.val, "--config", '{"inference":{}}']
    done = run("infer", *arguments, "--checkpoint", trained / "last.pt", "--out", tmp_path / "p.jsonl")
    assert done.returncode == 0, done.stderr
    rows = read_rows(tmp_path / "p.jsonl")
    assert all("pred_relevant_windows" not in row for row in rows)
    scores = {row["qid"]: np.array(row["pred_saliency_scores"]) for row in rows}
    expected = score_predictions(scores, read_videos(read_rows(tvsum.val)))["mAP"]["mean"]
    assert read_rows(trained / "history.jsonl")[-1]["val"] == {"mAP": expected}


def test_a_domain_alone(tvsum: Data, tmp_path: Path) -> None:
    config = {"model": SMALL, "train": {**SALIENCY, "epochs": 1}}
    splits = ["--train", tvsum.train, "--val", tvsum.val, "--config", json.dumps(config), "--seed", "1"]
    common = ["train", "--features", *tvsum.stores, *splits]
    done = run(*common, "--domain", "VT", "--out", tmp_path / "VT")
    assert done.returncode == 0, done.stderr
    assert "2 train and 2 val queries" in done.stderr
    done = run(*common, "--domain", "XX", "--out", tmp_path / "XX")
    assert done.returncode == 1
    assert "no row of domain 'XX' (domains: BK, VT)" in done.stderr.splitlines()[-1]


MOMENTS: Json = {"qid": 1, "relevant_windows": [[0, 2]], "relevant_clip_ids": [0], "saliency_scores": [[4]]}
RATED: Json = {"qid": "a", "label": [[1, 5], [2, 2]], "relevant_windows": None}


@pytest.mark.parametrize(
    ("rows", "objective", "message"),
    [
        ([RATED], "moments_and_saliency", "qid a: has label but no relevant_windows: set train.objective to saliency"),
        ([MOMENTS], "saliency", "qid 1: has no label, which train.objective saliency needs"),
        (
            [{**RATED, "label": [[1, 5], [2]]}],
            "saliency",
            "qid a: label: must be n x 2 numbers, got rows",
        ),
        ([{**RATED, "label": [[1, 6]]}], "saliency", "qid a: label must hold numbers from 1 to 5"),
        ([{**RATED, "label": [[1, float("nan")]]}], "saliency", "qid a: label: holds NaN"),
        ([{**RATED, "label": []}], "saliency", "qid a: label: empty"),
        ([{**RATED, "label": [1, 5]}], "saliency", "qid a: label must hold a list of ratings per clip"),
        (
            [{"qid": 1, "relevant_windows": []}] * 2,
            "moments_and_saliency",
            r"none of 2 queries has a relevant moment: relevant_windows is \[\] in all rows",
        ),
    ],
)
def test_labels_of_another_objective_are_named(rows: list[Json], objective: str, message: str) -> None:
    with pytest.raises(UserError, match=f"^t: {message.replace('(', '[(]')}"):
        check_rows(rows, objective, "t")


def test_rows_whose_labels_do_not_fit_their_videos_are_left_out_and_named(tvsum: Data, tmp_path: Path) -> None:
    """One line for all of them, in training and validation alike, and an error if no row is left."""
    config = {"model": {**SMALL, **STILL}, "train": {**SALIENCY, "batch_size": 4, "epochs": 1}}
    short = Data(tvsum.stores, tmp_path / "short.jsonl", tmp_path / "val.jsonl")
    rows, val = read_rows(tvsum.train), read_rows(tvsum.val)
    rows[1]["label"] = rows[1]["label"][:-2]
    rows[2]["label"] = rows[2]["label"] * 2
    rows[3]["label"] = rows[3]["label"][:-1]  # a partial last clip
    val[0]["label"] = val[0]["label"][:3]
    for path, part in ((short.train, rows), (short.val, val)):
        path.write_text("".join(json.dumps(row) + "\n" for row in part))
    done = run(*train_command(short, tmp_path / "run", config))
    assert done.returncode == 0, done.stderr
    assert "2 train and 3 val queries" in done.stderr
    assert (
        f"{short.train}: left out: 2 of 4 queries have labels that do not fit: qid v01 (video v01): label rates 12 "
        "clips, but the video has 14; qid v02 (video v02): label rates 22 clips, but the video has 11"
    ) in done.stderr
    assert f"{short.val}: left out: 1 of 4 queries have labels that do not fit: qid v04" in done.stderr

    for row in rows:
        row["label"] = row["label"][:2]
    short.train.write_text("".join(json.dumps(row) + "\n" for row in rows * 2).replace('"qid": "v0', '"qid": "w0', 4))
    done = run(*train_command(short, tmp_path / "none", config))
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith(
        f"python -m model train: error: {short.train}: 8 of 8 queries have labels that do not fit: qid w00 "
    )
    assert last.endswith("qid v00 (video v00): label rates 2 clips, but the video has 12; 3 more")


def test_a_video_shorter_than_its_moments_is_left_out_and_others_train(tmp_path: Path) -> None:
    data = write_data(tmp_path, [12, 14, 11, 13, 12, 18, 12, 12])
    rows = read_rows(data.train)
    rows[1] |= {"duration": 150, "relevant_windows": [[100, 120]], "relevant_clip_ids": None, "saliency_scores": None}
    rows[2] |= {"duration": 26, "relevant_windows": [[20, 24]], "relevant_clip_ids": [10, 11]}  # 22 s: one clip less
    rows[2]["saliency_scores"] = [[3, 3, 3]] * 2
    data.train.write_text("".join(json.dumps(row) + "\n" for row in rows))
    config = {"model": {**SMALL, **STILL}, "train": {"epochs": 1}}
    done = run(*train_command(data, tmp_path / "run", config))
    assert done.returncode == 0, done.stderr
    assert "3 train and 4 val queries" in done.stderr
    assert "qid 1 (video v01): relevant_windows start at 100 s, but the video has 28 s" in done.stderr


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"duration": None}, "duration must be seconds, at most 86400, got None"),
        ({"saliency_scores": [[9, 4, 4]] * 4}, "saliency_scores: points must be 0 to 4"),
        ({"duration": 6}, "relevant_clip_ids outside 0..2 (duration 6 s)"),
    ],
)
def test_labels_that_only_the_evaluation_reads_are_named_with_their_file(
    tmp_path: Path, change: Json, message: str
) -> None:
    data = write_data(tmp_path, [12] * 8)
    rows = read_rows(data.val)
    rows[1] |= change
    data.val.write_text("".join(json.dumps(row) + "\n" for row in rows))
    stage = TrainStage.from_dict({"model": {**SMALL, **STILL}, "train": {"epochs": 1}})
    with pytest.raises(UserError, match=f"^{re.escape(f'{data.val}: qid 5: {message}')}$"):
        train_run(stage, data.train, data.val, data.stores, tmp_path / "run", 3)


def test_the_clips_of_a_caption() -> None:
    """qd_detr.md 3.3: two random clips inside the window over two outside."""
    row = {"qid": 1, "relevant_windows": [[4.4, 9.9]]}
    targets = read_window_labels(row, np.ones(8, bool), 2.0, 5).draw(np.random.default_rng(0))
    assert targets.saliency.tolist() == [0, 0, 1, 1, 0, 0, 0, 0]  # floor of 4.4 / 2 up to that of 9.9 / 2, less one
    np.testing.assert_allclose(targets.spans, [[(4.4 + 9.9) / 32, 5.5 / 16]], rtol=1e-6)
    assert sorted(targets.higher) == [2, 3]
    assert len(set(targets.lower)) == 2 and not {2, 3} & set(targets.lower)


@pytest.mark.parametrize(
    ("window", "clips", "inside", "outside"),
    [
        ([0, 16], 8, set(range(8)), set(range(8))),  # the reference fails: nothing is outside (moment_detr issue 44)
        ([2, 16], 8, set(range(1, 8)), {0}),  # the reference fails: one clip outside, two wanted
        ([6.5, 7.0], 8, {2}, set(range(8)) - {2}),  # shorter than a clip
        ([14, 99], 8, {7}, set(range(7))),  # ends beyond the video
    ],
)
def test_captions_of_any_length(window: list[float], clips: int, inside: set[int], outside: set[int]) -> None:
    rng = np.random.default_rng(0)
    caption = read_window_labels({"qid": 1, "relevant_windows": [window]}, np.ones(clips, bool), 2.0, 5)
    drawn = [caption.draw(rng) for _ in range(200)]
    assert {clip for item in drawn for clip in item.higher} == inside
    assert {clip for item in drawn for clip in item.lower} == outside
    assert set(np.flatnonzero(drawn[0].saliency).tolist()) == inside


def test_queries_without_a_moment_and_rows_without_saliency_among_others(tmp_path: Path) -> None:
    """As in Soccer-GMR (`relevant_windows: []`) and QV-M2 (saliency in some rows): they train, validate and score."""
    data = write_data(tmp_path, [12, 30, 12, 14, 11, 13, 12, 16, 12, 30, 14, 12])
    for path in (data.train, data.val):
        rows = read_rows(path)
        for row in rows[::2]:
            del row["saliency_scores"]
        rows[0] |= {"relevant_windows": [], "relevant_clip_ids": []}
        rows[1] |= {"relevant_windows": [], "relevant_clip_ids": [], "saliency_scores": []}
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    # With batches of two, some hold no moment at all.
    config = {"model": {**SMALL, **STILL}, "train": {"batch_size": 2, "epochs": 30, "validate_every": 30}}
    config["train"]["learning_rate"] = 2e-3
    done = run(*train_command(data, tmp_path / "run", config))
    assert done.returncode == 0, done.stderr
    assert "8 train and 4 val queries" in done.stderr
    lines = read_rows(tmp_path / "run" / "history.jsonl")
    assert lines[-1]["train"]["loss"] < 0.7 * lines[0]["train"]["loss"]
    predictions = tmp_path / "predictions.jsonl"
    inputs = ["--features", *data.stores, "--checkpoint", tmp_path / "run" / "last.pt", "--queries", data.val]
    done = run("infer", *inputs, "--config", '{"inference": {}}', "--out", predictions)
    assert done.returncode == 0, done.stderr
    rows, found = read_rows(data.val), read_rows(predictions)
    assert len(found) == 4
    # Moments are scored over the two queries that have some, highlights over the two with points (one: none at all).
    with_moments = [row for row in rows if row["relevant_windows"]]
    assert [row["qid"] for row in with_moments] == [row["qid"] for row in rows[2:]]
    alone = evaluate([row for row in found if row["qid"] in {one["qid"] for one in with_moments}], with_moments)
    brief = evaluate(found, rows)["brief"]
    assert {key: value for key, value in brief.items() if key.startswith("MR")} == {
        key: value for key, value in alone["brief"].items() if key.startswith("MR")
    }
    # Both are rounded to two decimals, and processors differ in the last bits of a network's output.
    assert brief["HL-min-Fair-mAP"] == pytest.approx(alone["brief"]["HL-min-Fair-mAP"] / 2, abs=0.01)
    assert lines[-1]["val"] == brief
    # The query without a moment is taught that no prediction is one.
    best = {row["qid"]: row["pred_relevant_windows"][0][2] for row in found}
    assert max(best[row["qid"]] for row in rows[:2]) < 1


def test_videos_of_any_length(tmp_path: Path) -> None:
    """The reference ends at 75 clips (150 s); these are 1,300 and 5, in one batch."""
    data = write_data(tmp_path, [1300, 5, 40, 1100, 7], held_out=2)
    lines = fit(data, tmp_path / "run", epochs=2, validate_every=1)
    assert lines[-1]["val"]["MR-full-mAP"] is not None
    train_set, val_set = read(data)
    network, _ = load_network(tmp_path / "run" / "last.pt")
    assert train_set.batch([0, 1]).video.shape[1] == 1300
    assert network(val_set.batch([0])).saliency.shape == (1, 1100)
    assert validate(network, val_set, "cpu", "moments_and_saliency").scores == lines[-1]["val"]


def test_a_network_on_sound_alone(tmp_path: Path) -> None:
    """Streams of sound may be the video input. A video that has none of the streams' rows is left out."""
    data = write_data(tmp_path, [12, 14, 11, 13, 12, 18], held_out=2)
    stores = [store for store in data.stores if store.stem != "visual"]
    model = {**SMALL, **STILL, "video_streams": ["pann"], "fusion": "none"}
    done = run(
        *train_command(Data(stores, data.train, data.val), tmp_path / "run", {"model": model, "train": {"epochs": 1}})
    )
    assert done.returncode == 0, done.stderr
    assert "4 train and 2 val queries" in done.stderr


def test_the_objective_decides_the_targets(tvsum: Data) -> None:
    row = {**read_rows(tvsum.train)[0], "relevant_windows": [[0, 4]]}
    config = TrainConfig(objective="saliency")
    assert len(read_labels(row, np.ones(12, bool), 2.0, config).draw(np.random.default_rng(0)).spans) == 0
    assert len(read_labels(row, np.ones(12, bool), 2.0, TrainConfig()).draw(np.random.default_rng(0)).spans) == 1
