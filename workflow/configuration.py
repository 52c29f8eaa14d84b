"""Check the configuration, pick a stage's part of it, and make the settings of each run."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from cli import UserError
from model.config import InferenceConfig, ModelConfig, TrainConfig

Config = dict[str, Any]


_ENCODERS = {"clip_visual": "clip", "clip_text": "clip", "pann": "pann", "clap": "clap"}


_READERS: dict[str, Callable[[str], object]] = {
    "integer": int,
    "number": float,
    "boolean": {"true": True, "false": False}.__getitem__,
}


@dataclass(frozen=True)
class RunSettings:
    """The sections of one run, its patch applied, and the run whose checkpoints it uses: itself but for controls."""

    model: ModelConfig
    train: TrainConfig
    inference: InferenceConfig
    trained_as: str


def check(config: Config, schema_file: Path) -> Config:
    """Check against the JSON schema and fill in its defaults.

    Raises:
        UserError: one line naming the first wrong key and the cause.
    """
    schema = yaml.safe_load(schema_file.read_text(encoding="utf-8"))
    config = _read_numbers(config, schema)
    _validate(config, schema, "config")
    filled: Config = _fill(config, schema)
    for run, patch in filled["runs"].items():
        _check_source(filled["runs"], run)
        for section in (name for name in patch or {} if name != "checkpoint_of"):
            # The patch alone says too little (and filling in its defaults would undo the section): check the result.
            part = schema["properties"][section]
            patch[section] = _read_numbers(patch[section], part)
            _validate(_merge(filled[section], patch[section]), part, f"config: run {run}: {section}")
    unknown = sorted({*filled["selected_runs"], filled["main_run"]} - set(filled["runs"]))
    if unknown:
        raise UserError(f"config: no run {unknown[0]!r} under runs (there are: {', '.join(filled['runs'])})")
    return filled


def _check_source(runs: Config, run: str) -> None:
    """Check what `checkpoint_of` names: another run, that is trained itself; nothing that only training would see."""
    patch = runs[run] or {}
    source = patch.get("checkpoint_of")
    if source is None:
        return
    if source not in runs:
        raise UserError(
            f"config: run {run}: checkpoint_of: no run {source!r} under runs (there are: {', '.join(runs)})"
        )
    if source == run or (runs[source] or {}).get("checkpoint_of"):
        raise UserError(f"config: run {run}: checkpoint_of: {source!r} is not trained itself")
    needless = sorted({"model", "train"} & patch.keys())
    if needless:
        raise UserError(f"config: run {run}: {needless[0]}: has no effect beside checkpoint_of")


def _validate(values: Config, schema: Config, where: str) -> None:
    problem = best_match(Draft202012Validator(schema).iter_errors(values))
    if problem is not None:
        key = ".".join(str(part) for part in problem.absolute_path) or "top level"
        raise UserError(f"{where}: {key}: {problem.message}")


def pick(config: Config, paths: Iterable[str]) -> Config:
    """The parts of a configuration at paths such as `clips` or `clip/architecture`, nested as they were."""
    picked: Config = {}
    for path in paths:
        *parents, last = path.split("/")
        source, target = config, picked
        for name in parents:
            source, target = source[name], target.setdefault(name, {})
        target[last] = source[last]
    return picked


def settings_of_run(config: Config, run: str) -> RunSettings:
    """The sections of a run with its patch; `model` and `train` are those of the run whose checkpoint it uses."""
    patch = config["runs"][run] or {}
    source = patch.get("checkpoint_of", run)
    trained = config["runs"][source] or {}
    model = _merge(config["model"], trained.get("model", {}))
    train = _merge(config["train"], trained.get("train", {}))
    inference = _merge(config["inference"], patch.get("inference", {}))
    return RunSettings(
        ModelConfig.from_dict(model, where=f"config: run {run}: model"),
        TrainConfig.from_dict(train, where=f"config: run {run}: train"),
        InferenceConfig.from_dict(inference, where=f"config: run {run}: inference"),
        source,
    )


def streams_of(settings: ModelConfig) -> list[str]:
    """The feature streams that a network reads: one without audio does not wait for audio features."""
    audio = settings.audio_streams if settings.reads_audio else ()
    return [*settings.video_streams, settings.text_stream, *audio]


def check_weights(config: Config, streams: Iterable[str], made: str) -> None:
    """Check that the encoders' weights are there, or lie in the folder `made` that the workflow fills itself.

    Raises:
        UserError: naming the key and the file.
    """
    for section in sorted({_ENCODERS[stream] for stream in streams if stream in _ENCODERS}):
        weights = Path(config[section]["weights"])
        if not weights.is_relative_to(made) and not weights.exists():
            raise UserError(f"config: {section}.weights: no such file or folder: {weights}")


def _merge(base: Config, patch: Config) -> Config:
    merged = copy.deepcopy(base)
    for key, value in patch.items():
        both_nested = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merge(merged[key], value) if both_nested else value
    return merged


def _read_numbers(value: Any, schema: Config) -> Any:
    """A copy of `value` with text read as a number or truth value where the schema wants one.

    Snakemake hands on all that is nested in `--config key='{...}'` as text, and YAML reads 1e-4 as text.
    """
    if isinstance(value, dict):
        parts = schema.get("properties", {})
        return {key: _read_numbers(item, parts.get(key, {})) for key, item in value.items()}
    if isinstance(value, list):
        return [_read_numbers(item, schema.get("items", {})) for item in value]
    if isinstance(value, str) and schema.get("type") in _READERS:
        try:
            return _READERS[schema["type"]](value)
        except (KeyError, ValueError):
            return value
    return value


def _fill(value: Any, schema: Config) -> Any:
    """A copy of `value` with the schema's defaults where keys are missing, at every depth."""
    if not isinstance(value, dict):
        return copy.deepcopy(value)
    filled = copy.deepcopy(value)
    for key, part in schema.get("properties", {}).items():
        if key not in filled and "default" in part:
            filled[key] = part["default"]
        if key in filled:
            filled[key] = _fill(filled[key], part)
    return filled
