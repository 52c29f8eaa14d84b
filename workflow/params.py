"""The parts of the configuration that Snakemake tracks: a rule is re-run when one of its params changes.

Each rule gets one canonical JSON text with only the sections that it reads and the `CODE_VERSION` of its stage. One
text keeps each key with its value, since Snakemake compares params as a set of values and ignores non-builtin types.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from cli import canonical_json
from demo import CODE_VERSION as DEMO_VERSION
from demo.plan import DemoConfig
from feature_extractors import CODE_VERSION as FEATURE_VERSION
from model import CODE_VERSION as MODEL_VERSION
from workflow.configuration import pick
from workflow.paths import Paths, Wildcards
from workflow.study import Study
from workflow.terminal.overview import describe_run

Param = Callable[[Wildcards], str]
PREDICTION_KEYS = (
    "batch_size",
    "precision",
    "checkpoint",
    "round_to_clips",
    "audio_control",
    "audio_control_share",
    "audio_control_seconds",
    "window_seconds",
    "duplicate_iou",
)
"""Keys of the section `inference`, except those about the gate log."""


@dataclass(frozen=True)
class Params:
    """Params of rules: canonical JSON of sections, and command-line options that follow from the configuration."""

    study: Study

    def section(self, *paths: str, version: int) -> Param:
        """Canonical JSON of these parts of the configuration only, such as `clips` or `clip/architecture`."""
        text = canonical_json({**pick(self.study.config, paths), "version": version})
        # A function, because Snakemake would format the braces of a plain string.
        return lambda wildcards: text

    def media(self, wildcards: Wildcards) -> str:
        """Canonical JSON for the demo's media."""
        demo = DemoConfig.from_dict(self.study.config["demo"], where="config: demo")
        return canonical_json({"demo": demo.to_dict(), "version": DEMO_VERSION["media"]})

    def imported(self, wildcards: Wildcards) -> str:
        """Canonical JSON for a stream made from released files."""
        config = self.study.config
        parts = {"clips": config["clips"], "imported": config["imported"][wildcards.stream]}
        return canonical_json({**parts, "version": FEATURE_VERSION["import"]})

    def training(self, wildcards: Wildcards) -> str:
        """Canonical JSON for training: the sections of the job's run."""
        settings = self.study.settings[wildcards.run]
        parts = {"model": settings.model.effective(), "train": settings.train.to_dict()}
        return canonical_json({**parts, "version": MODEL_VERSION["train"]})

    def inference(self, *keys: str) -> Param:
        """Canonical JSON for inference: these keys of the run's section, or all keys if none are given."""

        def params(wildcards: Wildcards) -> str:
            section = self.study.settings[wildcards.run].inference.to_dict()
            return canonical_json(
                {
                    "inference": {key: section[key] for key in keys or section if key in section},
                    "version": MODEL_VERSION["infer"],
                }
            )

        return params

    def plan(self, wildcards: Wildcards) -> str:
        """Canonical JSON of a comparison under conditions, as `eval conditions` reads it."""
        crossing = self.study.crossing
        runs = [
            {"name": run, "label": describe_run(self.study, run), "like": self._without_film(run)}
            for run in crossing.comparison.runs
        ]
        conditions = [
            {"name": name, "label": condition.label, "split": condition.split, "level_key": condition.level_key}
            for name, condition in crossing.conditions.items()
        ]
        keys = ("run", "condition", "level", "name")
        cells = [{key: getattr(cell, key) for key in keys} for cell in crossing.cells]
        against = list(crossing.comparison.against)
        parts = {"runs": runs, "conditions": conditions, "cells": cells, "against": against}
        return canonical_json({**parts, "seeds": list(self.study.seeds)})

    def _without_film(self, run: str) -> str:
        """The compared run that differs from a run with FiLM in FiLM alone; empty if there is none."""
        settings = self.study.settings
        if not settings[run].model.ffn_gate_film:
            return ""
        bare = replace(settings[run].model, ffn_gate_film=False)
        return next((other for other in self.study.crossing.comparison.runs if settings[other].model == bare), "")

    def calibration(self, wildcards: Wildcards) -> str:
        """Options of `calibration`: that a run hears no own sound (logs of partial controls say of which videos), and
        the annotation key that divides the split into levels.
        """
        control = self.study.settings[wildcards.run].inference.control
        replaced = control.share == 1 and control.replaces
        keys = {condition.split: condition.level_key for condition in self.study.crossing.conditions.values()}
        key = keys.get(wildcards.split, "")
        return shlex.join([*(["--replaced"] if replaced else []), *(["--level-key", key] if key else [])])

    def prediction(self, wildcards: Wildcards) -> str:
        """Canonical JSON for inference with a given checkpoint; the keys about gates count only if gates are logged."""
        section = self.study.inference.to_dict()
        gates = ("gate_sample_count",) if self.study.logged_runs else ()
        keys = {key: section[key] for key in (*PREDICTION_KEYS, *gates) if key in section and key != "checkpoint"}
        return canonical_json({"inference": keys, "version": MODEL_VERSION["infer"]})

    @property
    def import_streams(self) -> str:
        """Options of `import-checkpoint` that name the streams of a reference's network."""
        assert self.study.given is not None
        model = self.study.given.model
        audio = ["--audio-streams", *model.audio_streams] if model.audio_streams else []
        return shlex.join(["--video-streams", *model.video_streams, *audio, "--text-stream", model.text_stream])

    def domain(self, wildcards: Wildcards) -> str:
        """Options of a command for one scope; empty if the scope is the whole dataset.

        Scopes are fixed before jobs find out which videos are readable, so the jobs themselves skip a domain without
        any (`--leave-out`).
        """
        return f"--domain {shlex.quote(wildcards.scope)} --leave-out" if self.study.by_domain else ""

    @property
    def domains(self) -> str:
        """The scope option of `tvsum`."""
        return f"--domain {' '.join(map(shlex.quote, self.study.scopes))}" if self.study.by_domain else ""

    @property
    def domain_problems(self) -> str:
        """Options of `problems` that make it list the domains that are left out."""
        if not self.study.by_domain:
            return ""
        splits = list(self.study.annotations) if self.study.given else ["train", "val"]
        files = [self.study.annotations[split] for split in splits]
        return f"--domains-of {shlex.join(files)} --needed {shlex.join(self.study.needed_streams)}"

    @property
    def labels(self) -> str:
        """Options of `problems` that make it compare labels that networks are trained on with the videos' lengths."""
        if self.study.given:
            return ""
        files = [self.study.annotations[split] for split in ("train", "val")]
        return f"--{'ratings' if self.study.rates_clips else 'moments'}-of {shlex.join(files)}"

    @property
    def covered(self) -> str:
        """Option of the scoring commands if queries may lack predictions because their videos were left out."""
        return "--covered-only" if self.study.dataset.broken_videos == "leave_out" else ""

    def parts(self, wildcards: Wildcards) -> str:
        """Options of `score` for the parts of the queries: by the values of keys, and on val by lists of query ids."""
        evaluation = self.study.evaluation
        lists = Paths(self.study).score_lists(wildcards)
        options = [self.by(evaluation.score_by), f"--list {shlex.join(lists)}" if lists else ""]
        return " ".join(filter(None, options))

    def by(self, keys: tuple[str, ...]) -> str:
        """`--by KEY ...` for those of the keys that at least one annotation row has; empty if no row has any."""
        found = [name for name in keys if any(name in row for row in self.study.data.queries)]
        return " ".join(["--by", *map(shlex.quote, found)]) if found else ""

    @property
    def warning(self) -> str:
        """Option that shows a warning with the answers of the demo's network about other videos."""
        return f"--warning {shlex.quote(self.study.warning)}" if self.study.warning else ""

    def title(self, run: str) -> str:
        """Title of the gate figures of a run's first seed, which show all scopes together; quoted."""
        [only, *others] = self.study.scopes
        return self._title(run, f"{len(others) + 1} domains" if others else f"domain {only}")

    def title_of_all(self, run: str) -> str:
        """Title of figures of the answers of a run with all of its seeds; quoted."""
        count = len(self.study.seeds)
        return self._title(run, "", f"{count} seeds" if count > 1 else "")

    def titles(self, run: str) -> str:
        """Titles of the training curves of a run's first seed, one per scope, quoted: the command draws one of them."""
        return " ".join(self._title(run, f"domain {scope}") for scope in self.study.scopes)

    def _title(self, run: str, part: str, seeds: str = "") -> str:
        study = self.study
        network = Path(study.config["bundle"] or study.config["checkpoint"]).name if study.given else f"run {run}"
        seed = [] if study.given else [seeds or f"seed {study.seeds[0]}"]
        parts = [study.name, network, *([part] if study.by_domain and part else []), *seed]
        return shlex.quote(", ".join(parts))
