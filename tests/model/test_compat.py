"""The list of names in the configuration, as booleans and back."""

from __future__ import annotations

import json
from itertools import product

import pytest
from pydantic import TypeAdapter

from cli import UserError
from model.compat import REPAIRED, Compat
from model.config import ModelConfig, TrainConfig, TrainStage


def test_names_become_booleans_and_names_again() -> None:
    config = ModelConfig.from_dict({"compat": ["unmasked_pooling", "double_endpoints"]})
    assert config.compat == Compat(unmasked_pooling=True, double_endpoints=True)
    assert config.to_dict()["compat"] == ("double_endpoints", "unmasked_pooling")
    assert ModelConfig.from_dict(config.to_dict()) == config
    # Within other settings too: so it stands in checkpoints and in what Snakemake tracks.
    stage = TrainStage(model=config, train=TrainConfig())
    assert json.loads(stage.to_json())["model"]["compat"] == ["double_endpoints", "unmasked_pooling"]
    assert ModelConfig().compat == REPAIRED and ModelConfig().to_dict()["compat"] == ()


def test_the_json_schema_is_that_of_a_list_of_names() -> None:
    """The workflow checks configurations by it, and takes the default from it."""
    schema = TypeAdapter(ModelConfig).json_schema()["properties"]["compat"]
    assert schema.pop("title") == "Compat"
    items = {"type": "string", "enum": list(Compat.known())}
    assert schema == {"type": "array", "items": items, "uniqueItems": True, "default": []}


def test_all_of_the_references() -> None:
    every = Compat.whole()
    assert all(getattr(every, name) for name in Compat.known())
    assert list(Compat.known()) == sorted(Compat.known())


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["rolled"], "--config: compat.0: Input should be 'audio_mask_ignored'"),
        (["silence_heard", "silence_heard"], "--config: model.compat names an entry twice"),
        ("silence_heard", "--config: compat: Input should be a valid array"),
        ({"silence_heard": True}, "--config: compat: Input should be a valid array"),
    ],
)
def test_a_mistake_is_named(names: object, message: str) -> None:
    with pytest.raises(UserError) as raised:
        ModelConfig.from_json(json.dumps({"compat": names}))
    assert str(raised.value).startswith(message)


def test_an_unknown_name_is_named_without_settings_too() -> None:
    with pytest.raises(UserError, match=r"model\.compat: unknown entry 'x' \(known: audio_mask_ignored, "):
        Compat.from_names(["x"])


@pytest.mark.parametrize(
    ("fusion", "gating", "film"),
    list(product(["none", "concat", "avigate", "avigate_custom"], ["global", "clipwise"], [False, True])),
)
def test_entries_that_change_nothing_are_no_part_of_what_is_tracked(fusion: str, gating: str, film: bool) -> None:
    """`audio_mask_ignored` together with `unmasked_pooling` lets the cross-attention of `avigate` see padding."""
    keys = {"fusion": fusion, "gating_type": gating, "ffn_gate_film": film, "compat": list(Compat.known())}
    expected = {"rolled_negatives"}
    if fusion != "none":
        expected |= {"audio_mask_ignored", "double_endpoints", "silence_heard"}
    if fusion == "avigate" or (fusion == "avigate_custom" and gating == "global"):
        expected |= {"unmasked_pooling"}
    if fusion == "avigate_custom" and film:
        expected |= {"original_film"}
    assert ModelConfig.from_dict(keys).effective()["compat"] == sorted(expected)
