"""The files that rules read, by run, scope and seed: the patterns of `layout` filled in from a study."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from workflow import layout
from workflow.configuration import streams_of
from workflow.study import Study


class Wildcards(Protocol):
    """Wildcard values of a job, such as its run, scope, seed and split."""

    def __getattr__(self, name: str) -> str: ...


Files = Callable[[Wildcards], list[str]]


@dataclass(frozen=True)
class Paths:
    """Input functions and lists of files."""

    study: Study

    @property
    def gate_log(self) -> str:
        """The gate log, as a pattern."""
        return layout.gate_log(self.study.inference)

    @property
    def features(self) -> list[str]:
        """Stores of all streams that the runs of `all` read."""
        return self._stores(self.study.streams)

    def features_of_run(self, wildcards: Wildcards) -> list[str]:
        """The stores that a run reads."""
        return self._stores(streams_of(self.study.model_of(wildcards.run)))

    def checkpoint_of_run(self, epoch: str) -> Callable[[Wildcards], str]:
        """The checkpoint `best` or `last` of a run; for a control, that of the run in `checkpoint_of`."""

        def path(wildcards: Wildcards) -> str:
            run = self.study.settings[wildcards.run].trained_as
            return f"{layout.RUN}/{epoch}.pt".format(
                dataset=self.study.name, run=run, scope=wildcards.scope, seed=wildcards.seed
            )

        return path

    def initial_weights(self, wildcards: Wildcards) -> list[str]:
        """The checkpoint to start training from; empty if training starts from scratch."""
        return self.study.settings[wildcards.run].initial_weights(wildcards.scope, wildcards.seed)

    def results_of_runs(self, what: str) -> list[str]:
        """Outputs of `score` on val: for each run and both checkpoints, and for random predictions."""
        study = self.study
        names = [(run, part) for run in study.runs for part in ("", f"_{study.other_checkpoint}")] + [("random", "")]
        return [
            f"{layout.RESULTS.format(dataset=study.name, run=run, scope=scope, seed=seed)}/{what}_val{part}.json"
            for run, part in names
            for scope in study.scopes
            for seed in study.seeds
        ]

    def ratings_of_run(self, epoch: str) -> Files:
        """Predictions of a checkpoint for all scopes of a run and seed."""
        part = "" if self.study.inference.checkpoint == epoch else f"_{epoch}"

        def files(wildcards: Wildcards) -> list[str]:
            folders = self._of_scopes(layout.RUN, wildcards.run, wildcards.seed)
            return [f"{folder}/predictions_{wildcards.split}{part}.jsonl" for folder in folders]

        return files

    def gate_logs(self, wildcards: Wildcards) -> list[str]:
        """Gate logs of a run's first seed, one per scope; of the main run if the wildcards name no run."""
        return self._of_scopes(self.gate_log, self._run_of(wildcards), self.study.seeds[0], split=wildcards.split)

    def histories(self, wildcards: Wildcards) -> list[str]:
        """Histories of a run's first seed, one per scope; of the main run if the wildcards name no run."""
        run = self.study.settings[self._run_of(wildcards)].trained_as
        return self._of_scopes(f"{layout.RUN}/history.jsonl", run, self.study.seeds[0])

    def _run_of(self, wildcards: Wildcards) -> str:
        return getattr(wildcards, "run", self.study.main_run)

    def _of_scopes(self, pattern: str, run: str, seed: int | str, **more: str) -> list[str]:
        return [
            pattern.format(dataset=self.study.name, run=run, scope=scope, seed=seed, **more)
            for scope in self.study.scopes
        ]

    def _stores(self, streams: Iterable[str]) -> list[str]:
        shards = self.study.data.shards
        return [f"features/{self.study.name}/{stream}/{shard}.h5" for stream in streams for shard in shards]
