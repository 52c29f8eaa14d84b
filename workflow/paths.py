"""The files that rules read, by run, scope and seed: the patterns of `layout` filled in from a study."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from workflow import layout
from workflow.conditions import Cell
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
    def predictions_of_given(self) -> str:
        """Folder of the predictions of a given checkpoint, as a pattern."""
        return layout.predictions_of_given(self.study.by_domain)

    @property
    def gate_log(self) -> str:
        """The gate log, as a pattern; without wildcards if `gate_save_path` names a file."""
        folder = self.predictions_of_given if self.study.given else layout.RUN
        return layout.gate_log(self.study.inference, folder)

    @property
    def features(self) -> list[str]:
        """Stores of all streams that the runs of `all` read."""
        return self._stores(self.study.streams)

    def features_of_run(self, wildcards: Wildcards) -> list[str]:
        """The stores that a run reads."""
        return self._stores(streams_of(self.study.model_of(wildcards.run)))

    @property
    def part_of_given(self) -> str:
        """The dataset and, if there is one network per domain, the scope: as a pattern, below folders of logs."""
        return self.predictions_of_given.removeprefix("predictions/")

    def given_checkpoint(self, wildcards: Wildcards) -> str:
        """The given checkpoint of a scope, or what is imported from it."""
        scope = self._scope_of(wildcards)
        assert self.study.given is not None
        if scope in self.study.given.references:
            return layout.IMPORTED.format(dataset=self.study.name, scope=scope)
        return self.study.given.files[scope]

    def given_reference(self, wildcards: Wildcards) -> str:
        """The file of a reference implementation that a given checkpoint is imported from."""
        assert self.study.given is not None
        return self.study.given.files[wildcards.scope]

    def predictions(self, split: str) -> list[str]:
        """Predictions of a given checkpoint for one split, one file per scope."""
        name = self.study.name
        folders = [self.predictions_of_given.format(dataset=name, scope=scope) for scope in self.study.scopes]
        return [f"{folder}/{split}.jsonl" for folder in folders]

    def checkpoints_of_run(self, wildcards: Wildcards) -> list[str]:
        """Both checkpoints of a run, the shown one first; for a control, those of the run in `checkpoint_of`."""
        run = self.study.settings[wildcards.run].trained_as
        folder = layout.RUN.format(dataset=self.study.name, run=run, scope=wildcards.scope, seed=wildcards.seed)
        return [f"{folder}/{epoch}.pt" for epoch in (self.study.inference.checkpoint, self.study.other_checkpoint)]

    def initial_weights(self, wildcards: Wildcards) -> list[str]:
        """The checkpoint to start training from; empty if training starts from scratch."""
        return self.study.settings[wildcards.run].initial_weights(wildcards.scope, wildcards.seed)

    def score_lists(self, wildcards: Wildcards) -> list[str]:
        """The files of query ids by which the predictions of a split are scored too: they are about val."""
        return list(self.study.evaluation.score_lists) if wildcards.split == "val" else []

    def results_of_runs(self, what: str) -> list[str]:
        """Outputs of `score` on val: for each run and both checkpoints, and for random predictions."""
        study = self.study
        parts = ("",) if study.given else ("", f"_{study.other_checkpoint}")
        names = [(run, part) for run in study.runs for part in parts] + [("random", "")]
        return [
            f"{layout.RESULTS.format(dataset=study.name, run=run, scope=scope, seed=seed)}/{what}_val{part}.json"
            for run, part in names
            for scope in study.scopes
            for seed in study.seeds
        ]

    @property
    def values_of_runs(self) -> list[str]:
        """Scores per query of the runs' shown checkpoint; none with TVSum's scores, or without labels."""
        study = self.study
        if study.rates_clips or "val" not in study.scored:
            return []
        folders = [
            layout.RESULTS.format(dataset=study.name, run=run, scope=scope, seed=seed)
            for run in study.runs
            for scope in study.scopes
            for seed in study.seeds
        ]
        return [f"{folder}/queries_val.json" for folder in folders]

    @property
    def values_under_conditions(self) -> list[str]:
        """Scores per query of every run and seed under every condition."""
        return self._under_conditions("queries", self.study.crossing.cells)

    @property
    def calibrations(self) -> list[str]:
        """What the gates of every gated run and seed tell of the sound under every condition."""
        gated = self.study.gate_logging_runs
        return self._under_conditions("calibration", [cell for cell in self.study.crossing.cells if cell.name in gated])

    def _under_conditions(self, what: str, cells: Iterable[Cell]) -> list[str]:
        study = self.study
        return [
            f"{layout.RESULTS.format(dataset=study.name, run=run, scope=scope, seed=seed)}/{what}_{split}.json"
            for run, split in dict.fromkeys((cell.name, cell.split) for cell in cells)
            for scope in study.scopes
            for seed in study.seeds
        ]

    @property
    def every_history(self) -> list[str]:
        """Histories of all trainings of the runs; none with a given checkpoint."""
        study = self.study
        trained = dict.fromkeys(study.settings[run].trained_as for run in study.runs)
        return [
            file
            for run in ({} if study.given else trained)
            for seed in study.seeds
            for file in self._of_scopes(f"{layout.RUN}/history.jsonl", run, seed)
        ]

    def statistics_of_gates(self, run: str) -> list[str]:
        """Statistics of a run's gates on the split that the overview is about; none if the name is empty."""
        return [f"results/{self.study.name}/{run}/gates_{self.study.told_split}.json"] if run else []

    @property
    def manifest_of_example(self) -> str:
        """The video table with the video of the query that is drawn."""
        assert self.study.example is not None
        vid = self.study.example["vid"]
        shard = next(name for name, vids in self.study.data.videos.items() if vid in vids)
        return f"manifests/{self.study.name}/{shard}.jsonl"

    @property
    def predictions_of_example(self) -> str:
        """The predictions that hold the answer that is drawn."""
        study = self.study
        assert study.example is not None
        folder = self.predictions_of_given if study.given else f"{layout.RUN}/predictions_"
        scope = study.example["domain"] if study.by_domain else study.scopes[0]
        folder = folder.format(dataset=study.name, run=study.told_run, scope=scope, seed=study.seeds[0])
        return f"{folder}{'/' if study.given else ''}{study.told_split}.jsonl"

    @property
    def gates_of_example(self) -> list[str]:
        """Gate logs of the run whose answer is drawn; none if it has no gates, or a log of something else."""
        study, job = self.study, self.study.gate_file_job
        if study.told_run not in study.logged_runs:
            return []
        if job is not None and (job.run, job.split) != (study.told_run, study.told_split):
            return []
        return self._of_scopes(self.gate_log, study.told_run, study.seeds[0], split=study.told_split)

    def answers_of_run(self, wildcards: Wildcards) -> list[str]:
        """Predictions of a run for all seeds and scopes."""
        study = self.study
        if study.given:
            return self.predictions(wildcards.split)
        pattern = f"{layout.RUN}/predictions_{wildcards.split}.jsonl"
        return [file for seed in study.seeds for file in self._of_scopes(pattern, wildcards.run, seed)]

    def ratings_of_run(self, epoch: str) -> Files:
        """Predictions of a checkpoint for all scopes of a run and seed."""
        part = "" if self.study.inference.checkpoint == epoch else f"_{epoch}"

        def files(wildcards: Wildcards) -> list[str]:
            folders = self._of_scopes(layout.RUN, wildcards.run, wildcards.seed)
            return [f"{folder}/predictions_{wildcards.split}{part}.jsonl" for folder in folders]

        return files

    def gate_logs(self, wildcards: Wildcards) -> list[str]:
        """Gate logs of a run's first seed, one per scope; of the main run if the wildcards name no run."""
        run, job = self._run_of(wildcards), self.study.gate_file_job
        if self.study.inference.gate_file and (job is None or (run, wildcards.split) != (job.run, job.split)):
            # The file is of another run or split: a name that no rule makes, so that it is not drawn for this one.
            return [f"{self.study.inference.gate_file} of {run}, {wildcards.split}"]
        return self._of_scopes(self.gate_log, run, self.study.seeds[0], split=wildcards.split)

    def histories(self, wildcards: Wildcards) -> list[str]:
        """Histories of a run's first seed, one per scope; of the main run if the wildcards name no run.

        A given checkpoint has none.
        """
        if self.study.given:
            return []
        run = self.study.settings[self._run_of(wildcards)].trained_as
        return self._of_scopes(f"{layout.RUN}/history.jsonl", run, self.study.seeds[0])

    def _scope_of(self, wildcards: Wildcards) -> str:
        return getattr(wildcards, "scope", self.study.scopes[0])

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
