"""Several processes on one batch compute what one computes."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from formats.annotations import read_annotations
from model.checkpoint import load_network
from model.config import LossConfig, ModelConfig, TrainConfig
from model.data.feature_set import FeatureSet
from model.data.streams import Streams
from model.network.detector import HighlightDetector
from model.training.batches import Batch, Part, Plan, split_places, take_part
from model.training.distributed import Processes
from model.training.engine import Engine
from tests.model.small_data import SMALL, STILL, Data, Json, read_rows, run, train_command, write_data

MODEL: Json = {**SMALL, **STILL}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Data:
    # Videos of different lengths, and 13 of them: the last batch of 4 has a single one, less than processes.
    return write_data(tmp_path_factory.mktemp("data"), [7, 9, 12, 8, 7, 15, 9, 11, 8, 12, 10, 7, 9, 12, 12, 9, 8])


@pytest.fixture(scope="module")
def features(data: Data) -> FeatureSet:
    rows = read_annotations([data.train])
    for index, row in enumerate(rows):
        # Different numbers of moments: span terms are means over moments, the others over queries.
        row["relevant_windows"] += [[0, 2 + 2 * i] for i in range(index % 3)]
    # Two queries about one video, whose negative queries then lie further off.
    rows[3]["vid"] = rows[2]["vid"]
    return FeatureSet(ModelConfig.from_dict(MODEL), rows, Streams(data.stores))


LEARNING = {"query_product": True, "anchors": "proposed"}
PLAIN = TrainConfig(batch_size=5)
RECIPE = TrainConfig(batch_size=5, denoising_groups=2, loss=LossConfig(alignment=2.0))


def gradients(
    features: FeatureSet,
    batch: Batch,
    places: list[int],
    recipe: TrainConfig = PLAIN,
    **keys: object,
) -> tuple[dict[str, torch.Tensor], list]:
    """Loss terms and gradients of one part, by the engine that training uses."""
    torch.manual_seed(0)
    network = HighlightDetector(ModelConfig.from_dict({**MODEL, **keys}), features.dims)
    engine = Engine(network, recipe, features, 3, Processes())
    terms = engine._compute_terms(take_part(features, batch, places, "cpu"))
    terms["loss"].backward()
    return {name: value.detach() for name, value in terms.items()}, [p.grad for p in network.parameters()]


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_parts_add_up_to_the_whole(features: FeatureSet, count: int) -> None:
    """Those of several processes, also of more than there are queries, and groups of like lengths within each."""
    for batch in Plan(features, TrainConfig(batch_size=5), 3).epoch(1):
        whole, expected = gradients(features, batch, list(range(len(batch.indices))))
        groups = [group for rank in range(count) for group in split_places(features, batch, rank, count, 2)]
        assert sorted(place for group in groups for place in group) == list(range(len(batch.indices)))
        assert len(groups) > 1 or len(batch.indices) == 1
        parts = [gradients(features, batch, group) for group in groups]
        for name, value in whole.items():
            torch.testing.assert_close(sum(terms[name] for terms, _ in parts), value, rtol=1e-5, atol=1e-6)
        for index, gradient in enumerate(expected):
            found = [part[index] for _, part in parts]
            torch.testing.assert_close(sum(found), gradient, rtol=1e-4, atol=1e-6)


def test_parts_add_up_with_every_option_of_the_recipe(features: FeatureSet) -> None:
    batch = next(Plan(features, RECIPE, 3).epoch(1))
    whole, expected = gradients(features, batch, list(range(5)), RECIPE, **LEARNING)
    assert {"loss_alignment", "loss_span_proposal", "loss_label_denoised_1"} <= set(whole)
    parts = [gradients(features, batch, places, RECIPE, **LEARNING) for places in ([0, 3], [1], [2, 4])]
    for name, value in whole.items():
        torch.testing.assert_close(sum(terms[name] for terms, _ in parts), value, rtol=1e-5, atol=1e-6)
    for index, gradient in enumerate(expected):
        torch.testing.assert_close(sum(part[index] for _, part in parts), gradient, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("gating", ["global", "clipwise", "elementwise"])
@pytest.mark.parametrize("fusion", ["concat", "avigate", "avigate_custom"])
def test_groups_of_lengths_change_nothing_where_the_audio_mask_is_ignored(
    features: FeatureSet, fusion: str, gating: str
) -> None:
    keys = {"fusion": fusion, "gating_type": gating, "compat": ["audio_mask_ignored"]}
    batch = next(Plan(features, TrainConfig(batch_size=5), 3).epoch(1))
    whole, expected = gradients(features, batch, list(range(5)), **keys)
    groups = split_places(features, batch, 0, 1, 2)
    assert len(groups) > 1
    parts = [gradients(features, batch, group, **keys) for group in groups]
    for name, value in whole.items():
        torch.testing.assert_close(sum(terms[name] for terms, _ in parts), value, rtol=1e-5, atol=1e-6)
    for index, gradient in enumerate(expected):
        found = [part[index] for _, part in parts if part[index] is not None]
        assert (gradient is None) == (not found)
        if found:
            torch.testing.assert_close(sum(found), gradient, rtol=1e-4, atol=1e-6)


def test_groups_save_padding_where_it_is_worth_a_pass(features: FeatureSet) -> None:
    batch = Plan(features, TrainConfig(batch_size=13), 3).epoch(1)
    places = next(batch)
    lengths = [features.n_clips(i) for i in places.indices]
    assert split_places(features, places, 0, 1, None) == [list(range(13))]
    # Here a pass costs more than all padding, and next to nothing: then each length is a group.
    assert len(split_places(features, places, 0, 1, 50)) == 1
    groups = split_places(features, places, 0, 1, 0.1)
    assert [{lengths[place] for place in group} for group in groups] == [{length} for length in sorted(set(lengths))]


def test_negative_queries_come_from_the_whole_batch(features: FeatureSet) -> None:
    batch = next(Plan(features, TrainConfig(batch_size=6), 3).epoch(1))
    whole = take_part(features, batch, list(range(6)), "cpu")
    for rank in range(2):
        part: Part = take_part(features, batch, list(range(rank, 6, 2)), "cpu")
        for row, place in enumerate(range(rank, len(batch.indices), 2)):
            words = int(whole.inputs.text_mask[batch.negative[place]].sum())
            found = part.inputs.text[part.negative[row], :words]
            assert torch.equal(found, whole.inputs.text[batch.negative[place], :words])


def test_two_processes_train_as_one(data: Data, tmp_path: Path) -> None:
    """Through torchrun and gloo: 12 steps, the last of each epoch with one query for two processes."""
    config: Json = {"model": MODEL, "train": {"epochs": 3, "batch_size": 4, "learning_rate": 1e-3, "validate_every": 1}}
    one, two = tmp_path / "one", tmp_path / "two"
    done = run(*train_command(data, one, config))
    assert done.returncode == 0, done.stderr
    launcher = ("torch.distributed.run", "--standalone", "--nproc-per-node", "2")
    done = run(*train_command(data, two, config, "--device", "cpu"), launcher=launcher)
    assert done.returncode == 0, done.stderr
    expected, found = read_rows(one / "history.jsonl"), read_rows(two / "history.jsonl")
    assert [line["step"] for line in found] == [4, 8, 12]
    for line, other in zip(expected, found, strict=True):
        assert line["train"] == pytest.approx(other["train"], rel=1e-4)
        assert line["val"] == pytest.approx(other["val"], abs=0.02)
    trained, _ = load_network(one / "last.pt")
    torch.manual_seed(3)
    start = torch.cat([p.flatten() for p in HighlightDetector(trained.config, trained.dims).parameters()])
    first, second = (
        torch.cat([p.detach().flatten() for p in load_network(folder / "last.pt")[0].parameters()])
        for folder in (one, two)
    )
    # Adam turns the rounding of a gradient near 0 into a step, so single weights agree less than losses.
    assert (first - second).norm() < 1e-2 * (first - start).norm()
