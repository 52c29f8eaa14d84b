"""Runs crossed with conditions: which networks are trained for it, and which predict what."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cli import UserError, canonical_json
from formats.rows import Row
from model.config import InferenceConfig, TrainConfig
from workflow.configuration import Config, RunSettings, merge_control, settings_of_run
from workflow.settings import ComparisonConfig, ConditionConfig


@dataclass(frozen=True)
class Cell:
    """A run at a level of a condition.

    Attributes:
        name: the run whose predictions these are: the run itself where the condition changes nothing for it.
        level: None if the annotations say at which level each query is.
    """

    run: str
    condition: str
    level: float | None
    split: str
    name: str


@dataclass(frozen=True)
class Crossing:
    """Runs crossed with conditions.

    Attributes:
        runs: the runs that the crossing adds, as the section `runs` has them.
        cells: every run at every level.
    """

    comparison: ComparisonConfig
    conditions: Mapping[str, ConditionConfig]
    runs: Mapping[str, Config]
    cells: Sequence[Cell]


def cross(config: Config) -> Crossing:
    """Cross the runs of the section `comparison` with the conditions.

    As few networks as possible are trained: a network that hears nothing stays the same under every condition, levels
    that change only the prediction use the run's own checkpoints, and levels that are trained alike share theirs. A
    name does not depend on which conditions are asked for, so a part that was made first stays valid in the whole.

    Args:
        config: the checked configuration, with defaults.

    Raises:
        UserError: a run or condition is unknown, a run is a control, a level has no changes that are possible, a name
            is taken, or the study is one of saliency alone.
    """
    comparison = ComparisonConfig.from_dict(config["comparison"], where="config: comparison")
    if not comparison.runs:
        return Crossing(comparison, {}, {}, [])
    defined, conditions = _choose(config, comparison)
    _check_runs(config, comparison)
    added: dict[str, Config] = {}
    cells: list[Cell] = []
    for run in comparison.runs:
        plain = settings_of_run(config, run)
        if not plain.train.trains_moments:
            raise UserError(f"config: comparison.runs: {run} learns saliency alone; conditions need moments to score")
        names = _Names(config, run, plain)
        mine: list[Cell] = []
        for condition, settings in defined.items():
            if settings.level_key:
                mine.append(Cell(run, condition, None, settings.split, run))
            for level in settings.levels:
                wanted = f"{run}.{condition}_{level.at:g}"
                where = f"config: conditions.{condition}: level {level.at:g}"
                name = names.find(wanted, level.train, level.inference, where) if plain.model.reads_audio else run
                mine.append(Cell(run, condition, level.at, settings.split, name))
        asked = [cell for cell in mine if cell.condition in conditions]
        needed = names.with_sources({cell.name for cell in asked})
        taken = sorted(needed.keys() & {*config["runs"], *added})
        if taken:
            raise UserError(f"config: runs: {taken[0]} is the name of a run under a condition: choose another name")
        added |= needed
        cells += asked
    return Crossing(comparison, conditions, added, cells)


def check_level_keys(crossing: Crossing, rows_of: Callable[[str], Sequence[Row]]) -> None:
    """Check that the key of each condition with a `level_key` says a level of some query.

    Args:
        rows_of: gives the queries of a split.

    Raises:
        UserError: no query of the condition's split has a number there.
    """
    for name, settings in crossing.conditions.items():
        key = settings.level_key
        if key and not any(isinstance(row.get(key), int | float) for row in rows_of(settings.split)):
            raise UserError(f"config: conditions.{name}.level_key: no query of {settings.split} has a number {key!r}")


class _Names:
    """The runs that conditions make of one run, by what they are trained and predicted with."""

    def __init__(self, config: Config, run: str, plain: RunSettings) -> None:
        self._config, self._run = config, run
        self._patch: Config = config["runs"][run] or {}
        self._trained = {canonical_json(plain.train.to_dict()): run}
        self._predicted = {(run, canonical_json(plain.inference.to_dict())): run}
        self.added: dict[str, Config] = {}

    def with_sources(self, used: Collection[str]) -> dict[str, Config]:
        """Those of the added runs that are used, and those whose checkpoints they use."""
        sources = {self.added[name].get("checkpoint_of") for name in used if name in self.added}
        return {name: patch for name, patch in self.added.items() if name in used or name in sources}

    def find(self, wanted: str, train: Mapping[Any, Any], inference: Mapping[Any, Any], where: str) -> str:
        """The run that is trained and predicts with these changes; added as `wanted` if there is none yet."""
        trained = merge_control(merge_control(self._config["train"], self._patch.get("train", {})), train)
        heard = merge_control(merge_control(self._config["inference"], self._patch.get("inference", {})), inference)
        by_train = canonical_json(TrainConfig.from_dict(trained, where=where).to_dict())
        by_inference = canonical_json(InferenceConfig.from_dict(heard, where=where).to_dict())
        source = self._trained.setdefault(by_train, wanted)
        name = self._predicted.setdefault((source, by_inference), wanted)
        if name == wanted:
            heard_by_run: Config = merge_control(self._patch.get("inference", {}), inference)
            if source == wanted:
                patch: Config = {"train": merge_control(self._patch.get("train", {}), train)}
                patch |= {key: self._patch[key] for key in ("model", "init_from") if key in self._patch}
            else:
                patch = {"checkpoint_of": source}
            self.added[wanted] = {**patch, "inference": heard_by_run}
        return name


def _choose(
    config: Config, comparison: ComparisonConfig
) -> tuple[dict[str, ConditionConfig], dict[str, ConditionConfig]]:
    """All conditions, and those of a comparison. Each has levels, or a key that says them."""
    defined: dict[str, ConditionConfig] = {}
    for name, values in config["conditions"].items():
        if values is None:
            continue
        where = f"config: conditions.{name}"
        defined[name] = settings = ConditionConfig.from_dict(values, where=where)
        if bool(settings.levels) == bool(settings.level_key):
            raise UserError(f"{where}: needs either levels or level_key")
        # As names have them: levels that differ in later digits alone would be one run.
        named = [f"{level.at:g}" for level in settings.levels]
        repeated = [at for at in named if named.count(at) > 1]
        if repeated:
            raise UserError(f"{where}.levels: a level occurs twice: {repeated[0]} (six digits count)")
    unknown = sorted(set(comparison.conditions) - defined.keys())
    if unknown:
        known = ", ".join(defined) or "none"
        raise UserError(f"config: comparison.conditions: {unknown[0]!r} is not under conditions (defined: {known})")
    chosen = {}
    for name in comparison.conditions or defined:
        chosen[name] = settings = defined[name]
        if settings.split not in config["dataset"]["annotations"]:
            raise UserError(f"config: conditions.{name}.split: dataset.annotations has no split {settings.split!r}")
    keys = {(settings.split, settings.level_key) for settings in chosen.values()}
    divided = sorted(split for split, key in keys if key and sum(split == other for other, _ in keys) > 1)
    if divided:
        raise UserError(f"config: conditions: split {divided[0]} has a level_key in one of them: all need the same")
    return defined, chosen


def _check_runs(config: Config, comparison: ComparisonConfig) -> None:
    for run in comparison.runs:
        if run not in config["runs"]:
            raise UserError(f"config: comparison.runs: {run!r} is not defined under runs")
        if (config["runs"][run] or {}).get("checkpoint_of"):
            raise UserError(f"config: comparison.runs: {run} is a control, and conditions are controls themselves")
    if config["dataset"]["scopes"] != "all":
        raise UserError("config: comparison.runs: conditions need dataset.scopes all")
    if config["inference"]["gate_save_path"].endswith(".jsonl"):
        raise UserError("config: inference.gate_save_path: many jobs log gates for comparison.runs: name a folder")
    others = sorted(set(comparison.against) - set(comparison.runs))
    if others:
        raise UserError(f"config: comparison.against: {others[0]!r} is not one of comparison.runs")
