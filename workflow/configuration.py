"""Check the configuration, select the part that a stage reads, and build the settings of each run."""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from cli import UserError
from cli.errors import no_such
from formats.grid import CLIP_SECONDS
from model.config import InferenceConfig, ModelConfig, TrainConfig, TrainStage
from workflow.checks.defaults import withhold
from workflow.checks.validation import check_metric, require, validate
from workflow.settings import RunConfig

Config = dict[str, Any]
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The loader in C takes a tenth of the time; PyYAML has it where it was built with libyaml, as in its wheels."""


_READERS: dict[str, Callable[[str], object]] = {
    "integer": int,
    "number": float,
    "boolean": {"true": True, "false": False}.__getitem__,
}


@dataclass(frozen=True)
class RunSettings:
    """The sections of one run with its patch applied, and the source of its weights.

    Attributes:
        trained_as: the run whose checkpoints it uses; itself, except for controls.
        init_from: checkpoint to start training from, may contain `{scope}` and `{seed}`; empty = from scratch.
    """

    model: ModelConfig
    train: TrainConfig
    inference: InferenceConfig
    trained_as: str
    init_from: str

    def initial_weights(self, scope: str, seed: int | str) -> list[str]:
        """The checkpoint to start training from, as a list; empty if training starts from scratch."""
        path = self.init_from.replace("{scope}", scope).replace("{seed}", str(seed))
        return [path] if path else []


def check(config: Config, schema_file: Path, given: Config | None = None) -> Config:
    """Check the configuration against the JSON schema and fill in the defaults.

    Args:
        given: the part that the user gives; the rest is config.yaml's. None = all of it is given.

    Raises:
        UserError: a key is wrong; one line that names the first such key and the cause.
    """
    schema = yaml.load(schema_file.read_text(encoding="utf-8"), Loader=_Loader)
    config, withheld = withhold(config, config if given is None else given, schema)
    config = _read_numbers(config, schema)
    validate(config, schema, "config", withheld)
    filled: Config = _expand_home(_fill(config, schema))
    for run, patch in filled["runs"].items():
        _check_source(filled["runs"], run)
        for section in sorted({"model", "train", "inference"} & (patch or {}).keys()):
            # Check the patched section: the patch alone lacks required keys, and defaults would override the section.
            part = schema["properties"][section]
            patch[section] = _read_numbers(patch[section], part)
            whole = {"type": "object", "properties": {section: part}}
            validate({section: merge(filled[section], patch[section])}, whole, f"config: run {run}")
    _check_splits(filled, withheld)
    unknown = sorted({*filled["selected_runs"], filled["main_run"]} - set(filled["runs"]))
    if unknown:
        raise UserError(f"config: run {unknown[0]!r} is not defined under runs (defined: {', '.join(filled['runs'])})")
    return filled


def _check_splits(config: Config, withheld: Collection[str]) -> None:
    """Drop splits without a file. Training needs train and val; a given checkpoint needs any one split."""
    splits = {split: file for split, file in config["dataset"]["annotations"].items() if file}
    config["dataset"]["annotations"] = splits
    if not splits:
        raise UserError("config: dataset.annotations: no split has a file")
    missing = [split for split in ("train", "val") if split not in splits]
    if missing and not (config["checkpoint"] or config["bundle"]):
        key = f"dataset.annotations.{missing[0]}"
        raise UserError(f"config: {require(key, withheld, ' unless a checkpoint is given')}")


def _check_source(runs: Config, run: str) -> None:
    """Check that `checkpoint_of` names another run that is trained, and that no key of training is set with it."""
    patch = runs[run] or {}
    source = patch.get("checkpoint_of")
    if source is None:
        return
    if source not in runs:
        raise UserError(
            f"config: run {run}: checkpoint_of: {source!r} is not defined under runs (defined: {', '.join(runs)})"
        )
    if source == run or (runs[source] or {}).get("checkpoint_of"):
        raise UserError(f"config: run {run}: checkpoint_of: {source!r} has no checkpoint of its own")
    needless = sorted({"model", "train", "init_from"} & patch.keys())
    if needless:
        raise UserError(f"config: run {run}: {needless[0]} has no effect together with checkpoint_of")


def pick(config: Config, paths: Iterable[str]) -> Config:
    """Copy the parts of a configuration at paths such as `clips` or `clip/architecture`, keeping their nesting."""
    picked: Config = {}
    for path in paths:
        *parents, last = path.split("/")
        source, target = config, picked
        for name in parents:
            source, target = source[name], target.setdefault(name, {})
        target[last] = source[last]
    return picked


def settings_of_run(config: Config, run: str) -> RunSettings:
    """Apply a run's patch to the sections; `model` and `train` are those of the run whose checkpoint it uses."""
    patch = RunConfig.from_dict(config["runs"][run] or {}, where=f"config: run {run}")
    source = patch.checkpoint_of or run
    trained = RunConfig.from_dict(config["runs"][source] or {}, where=f"config: run {source}")
    model = merge(config["model"], trained.model)
    train = merge_control(config["train"], trained.train)
    inference = merge_control(config["inference"], patch.to_dict()["inference"])
    # Together, as the training job does: some of their keys must agree.
    stage = TrainStage.from_dict({"model": model, "train": train}, where=f"config: run {run}")
    check_metric(stage.train, f"config: run {run}")
    return RunSettings(
        stage.model,
        stage.train,
        InferenceConfig.from_dict(inference, where=f"config: run {run}: inference"),
        source,
        trained.init_from,
    )


def streams_of(settings: ModelConfig) -> list[str]:
    """The feature streams that a network reads; a network without audio does not wait for audio features."""
    audio = settings.audio_streams if settings.reads_audio else ()
    return [*settings.video_streams, settings.text_stream, *audio]


def check_checkpoint(config: Config) -> None:
    """Check that a given checkpoint exists and that clips have the length that networks expect.

    A name with `{scope}` stands for several files, which `find_given` checks once the domains are known.

    Raises:
        UserError: the file is missing, or the clip length differs.
    """
    if not config["checkpoint"]:
        return
    if "{scope}" not in config["checkpoint"] and not Path(config["checkpoint"]).is_file():
        raise UserError(f"config: checkpoint: {no_such('file', config['checkpoint'])}")
    seconds = config["clips"]["seconds"]
    if seconds != CLIP_SECONDS:
        raise UserError(f"config: clips.seconds must be {CLIP_SECONDS:g} to predict with a checkpoint, got {seconds:g}")


def merge(base: Config, patch: Config) -> Config:
    """Copy `base` with the keys of `patch` replaced at every depth, as Snakemake merges configuration files."""
    merged = copy.deepcopy(base)
    for key, value in patch.items():
        both_nested = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = merge(merged[key], value) if both_nested else value
    return merged


def merge_control(section: Config, patch: Mapping[Any, Any]) -> Config:
    """`merge` for train or inference: an audio control does not take over share and seconds of the one it replaces."""
    details = ("audio_control_share", "audio_control_seconds") if "audio_control" in patch else ()
    return merge({key: value for key, value in section.items() if key not in details}, dict(patch))


def _read_numbers(value: Any, schema: Config) -> Any:
    """Copy `value`, converting text to numbers and booleans where the schema expects them.

    Snakemake passes everything nested in `--config key='{...}'` as text, and YAML reads 1e-4 as text.
    """
    if isinstance(value, dict):
        parts, others = schema.get("properties", {}), schema.get("additionalProperties")
        named = others if isinstance(others, dict) else {}
        return {key: _read_numbers(item, parts.get(key, named)) for key, item in value.items()}
    if isinstance(value, list):
        return [_read_numbers(item, schema.get("items", {})) for item in value]
    if isinstance(value, str) and isinstance(schema.get("type"), str) and schema["type"] in _READERS:
        try:
            return _READERS[schema["type"]](value)
        except (KeyError, ValueError):
            return value
    return value


def _expand_home(value: Any) -> Any:
    """Copy `value`, replacing a leading `~/` by the home folder: no shell reads the paths in a configuration."""
    if isinstance(value, dict):
        return {key: _expand_home(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_expand_home(item) for item in value]
    return str(Path(value).expanduser()) if isinstance(value, str) and value.startswith("~/") else value


def _fill(value: Any, schema: Config) -> Any:
    """Copy `value`, filling in the schema's defaults for missing keys at every depth."""
    if not isinstance(value, dict):
        return copy.deepcopy(value)
    filled = copy.deepcopy(value)
    for key, part in schema.get("properties", {}).items():
        if key not in filled and "default" in part:
            filled[key] = part["default"]
        if key in filled:
            filled[key] = _fill(filled[key], part)
    return filled
