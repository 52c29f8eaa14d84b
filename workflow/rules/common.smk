"""What all stages share: the checked configuration, its sections as tracked params, and the lists of files."""

import shlex
import sys
from pathlib import Path

# The packages lie beside the Snakefile; only torch-free parts of them are imported here.
sys.path.insert(0, workflow.basedir)

from cli import UserError, canonical_json
from demo import CODE_VERSION as DEMO_VERSION
from eval import CODE_VERSION as EVAL_VERSION
from eval.best_moments import picture_names
from feature_extractors import CODE_VERSION as FEATURE_VERSION
from model import CODE_VERSION as MODEL_VERSION
from workflow import layout
from feature_extractors.weights.catalogue import FOLDER as PUBLISHED_WEIGHTS
from feature_extractors.weights.catalogue import KNOWN as KNOWN_WEIGHTS
from formats.grid import ClipGrid
from workflow.configuration import (
    check,
    check_checkpoint,
    pick,
    settings_of_run,
    streams_of,
)
from workflow.dataset import load_dataset
from workflow.encoders import check_streams, check_weights, imported_streams
from workflow.initial_weights import check_initial_weights
from workflow.scopes import find_scopes, rates_clips

try:
    config.update(check(config, Path(workflow.basedir) / "workflow/schemas/config.schema.yaml"))
    SETTINGS = {run: settings_of_run(config, run) for run in config["runs"]}
    RUNS = [config["main_run"]] if config["checkpoint"] else config["selected_runs"]
    STREAMS = sorted({stream for run in RUNS for stream in streams_of(SETTINGS[run].model)})
    check_checkpoint(config)
    DATA = load_dataset(config)
    SCOPES, LEFT_OUT_DOMAINS = find_scopes(config, DATA)
    if config["checkpoint"]:
        QIDS, EARLIER = list(picture_names(DATA.queries, "config: dataset.annotations").values()), set()
    else:
        started = {*RUNS, config["main_run"]}
        QIDS, EARLIER = [], check_initial_weights(SETTINGS, started, config["dataset"]["name"], SCOPES, config["seeds"])
    made = {*STREAMS, *(stream for run in EARLIER for stream in streams_of(SETTINGS[run].model))}
    check_streams(config, sorted(made))
    check_weights(config, sorted(made), made="weights/demo")
    IMPORTED = imported_streams(config)
    CLIPS = ClipGrid.from_dict(config["clips"], where="config: clips")
    # Looked up here, where a mistake is one line; in an input function it would be Snakemake's own.
    RELEASED = {
        (stream, shard): DATA.released_of(shard, imported)
        for stream, imported in IMPORTED.items()
        for shard in DATA.shards
    }
    RATED = rates_clips(
        config["dataset"]["scopes"],
        {run: SETTINGS[run].train for run in SETTINGS},
        [*RUNS, config["main_run"]],
    )
    GRIDS = {shard: canonical_json(DATA.grid_of(shard, CLIPS)) for shard in DATA.shards}
except (UserError, OSError) as problem:
    # Not WorkflowError: that one adds lines about this file, which is not where the mistake is.
    sys.exit(f"error: {problem}")

DATASET = config["dataset"]["name"]
VIDEOS = config["dataset"]["videos"]
BROKEN_VIDEOS = config["dataset"]["broken_videos"]
# Queries about videos that were left out have no predictions; the tables say how many are covered.
COVERED = "--covered-only" if BROKEN_VIDEOS == "leave_out" else ""
ANNOTATIONS = config["dataset"]["annotations"]
TRAINED_RUNS = [run for run in SETTINGS if SETTINGS[run].trained_as == run]
GATED_RUNS = [run for run in SETTINGS if SETTINGS[run].model.has_gates]
LOGGED_RUNS = [run for run in RUNS if run in GATED_RUNS and config["inference"]["gate_log"]]
SEEDS = config["seeds"]
# A query without features in one of these is left out of training.
NEEDED_STREAMS = sorted(
    {name for run in RUNS for name in (*SETTINGS[run].model.video_streams, SETTINGS[run].model.text_stream)}
)
BY_DOMAIN = config["dataset"]["scopes"] == "by_domain"
# What `problems` is told, to name the domains that are left out.
DOMAIN_PROBLEMS = (
    f"--domains-of {shlex.join([ANNOTATIONS['train'], ANNOTATIONS['val']])} --needed {shlex.join(NEEDED_STREAMS)}"
    if BY_DOMAIN
    else ""
)
if LEFT_OUT_DOMAINS:
    print(f"note: left out for want of videos: domains {', '.join(LEFT_OUT_DOMAINS)}", file=sys.stderr)
# Which videos and texts a shard holds is in its params, so that an edit elsewhere in an annotation file need not
# re-run it: the files are `ancient`. Not the demo's, which a job makes: Snakemake skips the params of all that follow
# a job to be run, and what follows it through an ancient file only would be left as it was.
ANNOTATION_FILES = list(ANNOTATIONS.values())
ANNOTATION_INPUT = ANNOTATION_FILES if DATASET == "demo" else ancient(ANNOTATION_FILES)
CLIP_DEFINITION = [config["clip"]["definition"]] if config["clip"]["definition"] else []

# Results are shown for both checkpoints of a run; this is the one that `inference.checkpoint` did not choose.
OTHER = "last" if config["inference"]["checkpoint"] == "best" else "best"

GPU = layout.gpus_a_job()
GATE_LOG = layout.gate_log(config["inference"])


def section(*paths, version):
    """Canonical JSON of just these parts of the configuration and the stage's code version, as a tracked param."""
    text = canonical_json({**pick(config, paths), "version": version})
    # From a function, or Snakemake would format the braces.
    return lambda wildcards: text


def import_json(wildcards):
    """The same for a stream that is made from released files."""
    parts = {"clips": config["clips"], "imported": config["imported"][wildcards.stream]}
    return canonical_json({**parts, "version": FEATURE_VERSION["import"]})


def settings_json(wildcards):
    """The same for training: the sections of the run that a job is about."""
    settings = SETTINGS[wildcards.run]
    parts = {"model": settings.model.effective(), "train": settings.train.to_dict()}
    return canonical_json({**parts, "version": MODEL_VERSION["train"]})


# All but what is about the gate log.
PREDICTION_KEYS = ["batch_size", "checkpoint", "round_to_clips", "audio_control", "window_seconds", "duplicate_iou"]


def inference_json(*keys):
    """The same for inference: these keys of the run's section, all of them if none is named."""

    def params(wildcards):
        section = SETTINGS[wildcards.run].inference.to_dict()
        return canonical_json(
            {"inference": {key: section[key] for key in keys or section}, "version": MODEL_VERSION["infer"]}
        )

    return params


def prediction_json(wildcards):
    """The same for a given checkpoint."""
    keys = {key: config["inference"][key] for key in PREDICTION_KEYS if key != "checkpoint"}
    return canonical_json({"inference": keys, "version": MODEL_VERSION["infer"]})


def checkpoint_of_run(name):
    """A checkpoint of the run that a control belongs to; of any other run, its own."""

    def path(wildcards):
        return f"{layout.RUN}/{name}.pt".format(
            **{**dict(wildcards.items()), "run": SETTINGS[wildcards.run].trained_as}
        )

    return path


def initial_weights(wildcards):
    """The checkpoint that a training starts from, if it does not start from scratch."""
    return SETTINGS[wildcards.run].initial_weights(wildcards.scope, wildcards.seed)


def feature_files(streams):
    """Stores of some streams, all shards."""
    return expand(
        "features/{dataset}/{stream}/{shard}.h5",
        dataset=DATASET,
        stream=streams,
        shard=DATA.shards,
    )


FEATURE_FILES = feature_files(STREAMS)


def features_of_run(wildcards):
    """The stores that a run reads."""
    return feature_files(streams_of(SETTINGS[wildcards.run].model))


def results_of_runs(what):
    """Files of `score` on val: of every run for both checkpoints, and of random predictions."""
    names = [(run, part) for run in RUNS for part in ("", f"_{OTHER}")] + [("random", "")]
    return [
        path
        for run, part in names
        for path in expand(f"{layout.RESULTS}/{what}_val{part}.json", run=run, scope=SCOPES, seed=SEEDS)
    ]


def domain_option(wildcards):
    """What a command is told of a scope: nothing where it is the whole dataset.

    Which videos can be read is known when jobs run, and the scopes before: a domain without any is left out by its jobs.
    """
    return f"--domain {shlex.quote(wildcards.scope)} --leave-out" if BY_DOMAIN else ""


def ratings_of_run(epoch):
    """Predictions of a checkpoint for all scopes of a run and seed."""
    part = "" if config["inference"]["checkpoint"] == epoch else f"_{epoch}"

    def files(wildcards):
        pattern = f"{layout.RUN}/predictions_{{split}}{part}.jsonl"
        return expand(pattern, dataset=DATASET, scope=SCOPES, **dict(wildcards.items()))

    return files


def titles_of(run, kind="run"):
    """What pictures of a run's first seed are about, one title a scope, quoted: the command draws one of them."""
    parts = [f", domain {scope}" if BY_DOMAIN else "" for scope in SCOPES]
    return " ".join(shlex.quote(f"{DATASET}, {kind} {run}{part}, seed {SEEDS[0]}") for part in parts)


def gate_logs(wildcards):
    """Gate logs of a run's first seed (of the main run, where the wildcards name none), one a scope."""
    run = getattr(wildcards, "run", config["main_run"])
    return [
        GATE_LOG.format(dataset=DATASET, run=run, scope=scope, seed=SEEDS[0], split=wildcards.split) for scope in SCOPES
    ]


def histories(wildcards):
    """Histories of a run's first seed (of the main run, where the wildcards name none), one a scope."""
    run = SETTINGS[getattr(wildcards, "run", config["main_run"])].trained_as
    pattern = f"{layout.RUN}/history.jsonl"
    return [pattern.format(dataset=DATASET, run=run, scope=scope, seed=SEEDS[0]) for scope in SCOPES]


def by_option(key):
    """`--by KEY ...` for the keys that split a table and that any annotation row has; nothing if there are none."""
    keys = [name for name in config["evaluation"][key] if any(name in row for row in DATA.queries)]
    return " ".join(["--by", *map(shlex.quote, keys)]) if keys else ""


def any_of(names):
    """A wildcard constraint: one of these names; nothing at all if there is none."""
    return "|".join(names) or "(?!)"


wildcard_constraints:
    dataset=DATASET,
    shard=any_of(DATA.shards),
    run=any_of([*SETTINGS, "random"]),
    scope=any_of(SCOPES),
    seed=r"\d+",
    split=any_of(ANNOTATIONS),
