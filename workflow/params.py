"""What Snakemake tracks of the configuration: a rule is re-run when one of its params changes.

A rule gets one canonical JSON of just the sections that it consumes and the `CODE_VERSION` of its stage, so that a key
and its value travel together: Snakemake compares params as a set of values. It ignores values that are no builtins.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass

from cli import canonical_json
from feature_extractors import CODE_VERSION as FEATURE_VERSION
from model import CODE_VERSION as MODEL_VERSION
from workflow.configuration import pick
from workflow.paths import Wildcards
from workflow.study import Study

Param = Callable[[Wildcards], str]
PREDICTION_KEYS = ("batch_size", "checkpoint", "round_to_clips", "audio_control", "window_seconds", "duplicate_iou")
"""Of the section `inference`, all but what is about the gate log."""


@dataclass(frozen=True)
class Params:
    """Canonical JSON of sections, and parts of command lines that follow from the configuration."""

    study: Study

    def section(self, *paths: str, version: int) -> Param:
        """Canonical JSON of just these parts of the configuration, such as `clips` or `clip/architecture`."""
        text = canonical_json({**pick(self.study.config, paths), "version": version})
        # From a function, or Snakemake would format the braces.
        return lambda wildcards: text

    def imported(self, wildcards: Wildcards) -> str:
        """The same for a stream that is made from released files."""
        config = self.study.config
        parts = {"clips": config["clips"], "imported": config["imported"][wildcards.stream]}
        return canonical_json({**parts, "version": FEATURE_VERSION["import"]})

    def training(self, wildcards: Wildcards) -> str:
        """The same for training: the sections of the run that a job is about."""
        settings = self.study.settings[wildcards.run]
        parts = {"model": settings.model.effective(), "train": settings.train.to_dict()}
        return canonical_json({**parts, "version": MODEL_VERSION["train"]})

    def inference(self, *keys: str) -> Param:
        """The same for inference: these keys of the run's section, all of them if none is named."""

        def params(wildcards: Wildcards) -> str:
            section = self.study.settings[wildcards.run].inference.to_dict()
            return canonical_json(
                {"inference": {key: section[key] for key in keys or section}, "version": MODEL_VERSION["infer"]}
            )

        return params

    def prediction(self, wildcards: Wildcards) -> str:
        """The same for a given checkpoint."""
        section = self.study.config["inference"]
        keys = {key: section[key] for key in PREDICTION_KEYS if key != "checkpoint"}
        return canonical_json({"inference": keys, "version": MODEL_VERSION["infer"]})

    def domain(self, wildcards: Wildcards) -> str:
        """What a command is told of a scope: nothing where it is the whole dataset.

        Which videos can be read is known when jobs run, and the scopes before: a domain without any is left out by its
        jobs.
        """
        return f"--domain {shlex.quote(wildcards.scope)} --leave-out" if self.study.by_domain else ""

    @property
    def domains(self) -> str:
        """What `tvsum` is told of the scopes."""
        return f"--domain {' '.join(map(shlex.quote, self.study.scopes))}" if self.study.by_domain else ""

    @property
    def domain_problems(self) -> str:
        """What `problems` is told, to name the domains that are left out."""
        if not self.study.by_domain:
            return ""
        files = [self.study.annotations[split] for split in ("train", "val")]
        return f"--domains-of {shlex.join(files)} --needed {shlex.join(self.study.needed_streams)}"

    @property
    def covered(self) -> str:
        """What scores are told where queries may have no predictions, as their videos were left out."""
        return "--covered-only" if self.study.dataset.broken_videos == "leave_out" else ""

    def by(self, keys: tuple[str, ...]) -> str:
        """`--by KEY ...` for the keys that split a table and that any annotation row has; nothing if there are none."""
        found = [name for name in keys if any(name in row for row in self.study.data.queries)]
        return " ".join(["--by", *map(shlex.quote, found)]) if found else ""

    def titles(self, run: str, kind: str = "run") -> str:
        """What pictures of a run's first seed are about, one title per scope, quoted: the command draws one of them."""
        study = self.study
        parts = [f", domain {scope}" if study.by_domain else "" for scope in study.scopes]
        return " ".join(shlex.quote(f"{study.name}, {kind} {run}{part}, seed {study.seeds[0]}") for part in parts)
