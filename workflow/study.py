"""One study as a typed object: the checked configuration and everything that follows from it before the first job."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cli import UserError, canonical_json
from eval.best_moments import picture_names
from feature_extractors.encoders.registry import STREAMS
from feature_extractors.released.layouts import ImportConfig
from formats.bundle import DEMO_WARNING
from formats.grid import ClipGrid
from formats.rows import Row
from model.config import InferenceConfig, ModelConfig, TrainConfig
from workflow.checkpoints import GivenCheckpoint, Objective, check_initial_weights, find_given, labelled_splits
from workflow.checks.dates import MADE
from workflow.checks.defaults import is_demo
from workflow.checks.given_bundle import take_bundle
from workflow.conditions import Crossing, check_level_keys, cross
from workflow.configuration import (
    Config,
    RunSettings,
    check,
    check_checkpoint,
    settings_of_run,
    streams_of,
)
from workflow.dataset import Dataset, choose_example, load_dataset
from workflow.encoders import (
    check_inputs,
    check_released,
    check_settings,
    check_streams,
    check_weights,
    further_files,
    imported_streams,
    weight_files,
)
from workflow.layout import GIVEN
from workflow.scopes import ALL, find_scopes, rates_clips
from workflow.settings import DatasetConfig, EvaluationConfig, PlotsConfig

SCHEMA = Path("workflow/schemas/config.schema.yaml")
"""Relative to the folder of the Snakefile."""


@dataclass(frozen=True)
class GateJob:
    """The wildcards of a job that logs gates."""

    dataset: str
    run: str
    scope: str
    seed: str
    split: str


@dataclass(frozen=True, kw_only=True)
class Study:
    """The configuration, and what the files on disk add to it. Mappings by run hold every run, selected or not."""

    config: Config
    """The whole configuration as plain values, checked and with defaults: params are taken from it."""
    dataset: DatasetConfig
    clips: ClipGrid
    inference: InferenceConfig
    """The section without any run's patch."""
    evaluation: EvaluationConfig
    plots: PlotsConfig
    given: GivenCheckpoint | None
    """A given checkpoint that predicts, which then is the only run; None if runs are trained."""
    scored: Sequence[str]
    """The splits that are scored: val, or with a given checkpoint those with labels."""
    main_run: str
    runs: Sequence[str]
    """The runs of the target `all`: the selected ones, or the given checkpoint."""
    seeds: Sequence[int]
    settings: Mapping[str, RunSettings]
    """The sections of each run with its patch applied."""
    crossing: Crossing
    """Runs that are compared under conditions, if any; `settings` has the runs that it adds, too."""
    data: Dataset
    example: Row | None
    """The query whose answer is drawn (`choose_example`)."""
    scopes: Sequence[str]
    """The scopes of training: `all`, or domains."""
    left_out_domains: Sequence[str]
    rates_clips: bool
    """Whether the runs learn only saliency and are scored like TVSum."""
    warning: str
    """With a bundle of the demo's network and another dataset: that its answers mean nothing; otherwise empty."""
    qids: Sequence[str]
    """With a given checkpoint: the names of the queries' pictures."""
    imported: Mapping[str, ImportConfig]
    """Streams made from released files."""
    released: Mapping[tuple[str, str], Sequence[Path]]
    """The released files that exist, by stream and shard."""
    weights_mirror: str
    """Folder that published weights are copied from; empty = they are downloaded."""
    grids: Mapping[str, str]
    """What determines the clip grids of each shard, as JSON."""

    @property
    def name(self) -> str:
        """The dataset's name."""
        return self.dataset.name

    @property
    def is_demo(self) -> bool:
        """Whether the workflow makes the dataset itself."""
        return is_demo(self.name)

    @property
    def annotations(self) -> Mapping[str, str]:
        """The annotation file of each split."""
        return self.dataset.annotations

    @property
    def by_domain(self) -> bool:
        """Whether one network is trained per domain."""
        return self.dataset.scopes == "by_domain"

    @property
    def trained_runs(self) -> list[str]:
        """Runs with their own checkpoints: all except controls."""
        return [run for run, settings in self.settings.items() if settings.trained_as == run]

    @property
    def gated_runs(self) -> list[str]:
        """Runs whose network has gates."""
        return [run for run, settings in self.settings.items() if settings.model.has_gates]

    @property
    def gate_logging_runs(self) -> list[str]:
        """Runs that write a gate log when they predict."""
        return self.gated_runs if self.inference.gate_log else []

    @property
    def logged_runs(self) -> list[str]:
        """Gate-logging runs of the target `all`."""
        return [run for run in self.runs if run in self.gate_logging_runs]

    @property
    def streams(self) -> list[str]:
        """Feature streams that the runs of the target `all` read."""
        return _streams(self.model_of(run) for run in (*self.runs, *self.crossing.comparison.runs))

    @property
    def needed_streams(self) -> list[str]:
        """Video and text streams: a query without features in any one of them is left out of training."""
        models = [self.model_of(run) for run in (*self.runs, *self.crossing.comparison.runs)]
        return sorted({name for model in models for name in (*model.video_streams, model.text_stream)})

    @property
    def further_sources(self) -> list[Path]:
        """Files that jobs read besides videos and annotations, if no rule makes them: networks, weights, lists."""
        encoded = [stream for stream in self.streams if stream in STREAMS and stream not in self.imported]
        files = [file for stream in encoded for file in weight_files(self.config, stream)]
        files += [file for stream in encoded for file in further_files(self.config, stream)]
        files += [file for released in self.released.values() for file in released]
        files += [
            Path(file) for file in (*(self.given.files.values() if self.given else ()), *self.evaluation.score_lists)
        ]
        return [file for file in dict.fromkeys(files) if file.parts[0] not in MADE]

    @property
    def other_checkpoint(self) -> str:
        """The checkpoint that `inference.checkpoint` does not select; results are shown for both."""
        return "last" if self.inference.checkpoint == "best" else "best"

    @property
    def told_split(self) -> str:
        """The split that the overview is about: val if it is scored, else the first one."""
        return "val" if "val" in self.scored else next(iter(self.annotations))

    @property
    def told_run(self) -> str:
        """The run whose answer is drawn: the main run, else the first one."""
        return self.main_run if self.main_run in self.runs else self.runs[0]

    @property
    def told_gates(self) -> str:
        """The run whose gates the overview tells of: the main run, else the first that logs gates; may be empty."""
        logged = self.logged_runs
        return self.main_run if self.main_run in logged else next(iter(logged), "")

    @property
    def gate_file_job(self) -> GateJob | None:
        """The only job that logs gates, if `inference.gate_save_path` names a file; otherwise None."""
        jobs = self._gate_jobs() if self.inference.gate_file else []
        return jobs[0] if jobs else None

    def _gate_jobs(self) -> list[GateJob]:
        splits = list(self.annotations) if self.given else ["val"]
        return [
            GateJob(self.name, run, scope, str(seed), split)
            for run in self.logged_runs
            for scope in self.scopes
            for seed in self.seeds
            for split in splits
        ]

    def check_gate_file(self) -> None:
        """Check that at most one job writes the file of gates, and that it is no input: Snakemake would remove it.

        Raises:
            UserError: several jobs would write it, or it is a file of annotations.
        """
        jobs = self._gate_jobs() if self.inference.gate_file else []
        for split, file in self.annotations.items():
            if jobs and Path(file).resolve() == Path(self.inference.gate_file).resolve():
                raise UserError(f"config: inference.gate_save_path: {file} is the file of dataset.annotations.{split}")
        if len(jobs) > 1:
            first, second = (f"run {job.run}, scope {job.scope}, seed {job.seed}, {job.split}" for job in jobs[:2])
            raise UserError(
                f"config: inference.gate_save_path: {len(jobs)} jobs would write {self.inference.gate_file}, such as"
                f" those of {first} and {second}: name a folder"
            )

    def model_of(self, run: str) -> ModelConfig:
        """The network of a run."""
        return self.settings[run].model


def _streams(models: Iterable[ModelConfig]) -> list[str]:
    return sorted({stream for model in models for stream in streams_of(model)})


def load_study(merged: Config, root: Path, given: Config | None = None) -> Study:
    """Check the configuration, and find the files that it names.

    Args:
        merged: the configuration that Snakemake passes on: config.yaml with what the user gives.
        given: what the user gives; None = all of it.
        root: folder of the Snakefile.

    Raises:
        UserError: a key or file is wrong; one line that names the first one and the cause.
        OSError: a file cannot be read.
    """
    merged, given, bundle = take_bundle(merged, given)
    config = check(merged, root / SCHEMA, given)
    main_run, seeds, runs = config["main_run"], config["seeds"], config["selected_runs"]
    if config["checkpoint"] and not config["model"].get("audio_streams", True):
        # `model` only names the streams of a given network; whether it hears anything is for its file to say.
        config["model"]["fusion"] = "none"
    if config["checkpoint"]:
        config["comparison"] = {}  # nothing is trained
    crossing = cross(config)
    compared = crossing.comparison.runs
    config["runs"] |= crossing.runs
    wanted = {*(config if given is None else given).get("runs", {}), main_run, *runs, *compared, *crossing.runs}
    settings = _settings_of_runs(config, wanted)
    check_checkpoint(config)
    data = load_dataset(config)
    check_level_keys(crossing, lambda split: data.rows_of(config, split))
    scopes, left_out_domains = find_scopes(config, data)
    qids: list[str] = []
    before: set[str] = set()
    network, scored = None, ["val"]
    if config["checkpoint"]:
        network = find_given(config, settings[main_run].model, [] if scopes == [ALL] else scopes)
        rows = {split: data.rows_of(config, split) for split in config["dataset"]["annotations"]}
        scored, objective = labelled_splits(rows)
        if scopes != [ALL] and not scored:
            objective = "saliency"  # of domains only ratings are scored, and here there are none
        settings = {GIVEN: _settings_of_given(network, objective, config)}
        scopes, main_run, seeds, runs = list(network.files), GIVEN, [network.seed], [GIVEN]
        qids = list(picture_names(data.queries, "config: dataset.annotations").values())
    else:
        before = check_initial_weights(settings, {*runs, main_run, *compared}, config["dataset"]["name"], scopes, seeds)
    made = _streams(settings[run].model for run in (*runs, *compared, *before))
    check_streams(config, made)
    for run in (*runs, *compared, *sorted(before)):
        check_inputs(config, run, settings[run].model)
    check_settings(config, made)
    check_weights(config, made, made="weights/demo")
    clips = ClipGrid.from_dict(config["clips"], where="config: clips")
    told = "val" if "val" in scored else next(iter(config["dataset"]["annotations"]))
    domains = scopes if config["dataset"]["scopes"] != ALL else []
    imported = imported_streams(config)
    check_released(imported, made, [(row["vid"], str(row["qid"])) for row in data.queries])
    study = Study(
        config=config,
        dataset=DatasetConfig.from_dict(config["dataset"], where="config: dataset"),
        clips=clips,
        inference=InferenceConfig.from_dict(config["inference"], where="config: inference"),
        evaluation=EvaluationConfig.from_dict(config["evaluation"], where="config: evaluation"),
        plots=PlotsConfig.from_dict(config["plots"], where="config: plots"),
        given=network,
        scored=scored,
        main_run=main_run,
        runs=runs,
        seeds=seeds,
        settings=settings,
        crossing=crossing,
        data=data,
        example=choose_example(data.rows_of(config, told), data.files, domains),
        scopes=scopes,
        left_out_domains=left_out_domains,
        rates_clips=rates_clips(
            config["dataset"]["scopes"], {run: settings[run].train for run in settings}, [*runs, main_run]
        ),
        warning=DEMO_WARNING if bundle and bundle.demo and not is_demo(config["dataset"]["name"]) else "",
        qids=qids,
        imported=imported,
        # Looked up here, where a mistake gives a one-line error; an input function would give Snakemake's traceback.
        released={
            (stream, shard): data.released_of(shard, settings_of_stream)
            for stream, settings_of_stream in imported.items()
            for shard in data.shards
        },
        weights_mirror=config["weights_mirror"],
        grids={shard: canonical_json(data.grid_of(shard, clips)) for shard in data.shards},
    )
    study.check_gate_file()
    return study


def _settings_of_runs(config: Config, wanted: set[str]) -> dict[str, RunSettings]:
    """The settings of each run. Those that only config.yaml defines and nobody selected must not stop a study.

    Without sound, for example, runs with a fusion make no sense: they are left out.
    """
    settings: dict[str, RunSettings] = {}
    for run in config["runs"]:
        try:
            settings[run] = settings_of_run(config, run)
        except UserError:
            if run in wanted:
                raise
    return settings


def _settings_of_given(given: GivenCheckpoint, objective: Objective, config: Config) -> RunSettings:
    """The settings of the run that a given checkpoint stands for; its labels decide how it is scored."""
    inference = InferenceConfig.from_dict(config["inference"], where="config: inference")
    return RunSettings(given.model, TrainConfig(objective=objective), inference, GIVEN, "")
