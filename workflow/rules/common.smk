"""Shared by all stages: the study as typed objects of `workflow/`, and the wildcard constraints."""

import gc
import os
import shlex
import sys
import time
from pathlib import Path

from snakemake.logging import logger as snakemake_logger

# The packages are next to the Snakefile; only their torch-free parts are imported here.
sys.path.insert(0, workflow.basedir)

from cli import UserError, canonical_json
from cli.software import FOLDER as SOFTWARE_FOLDER
from cli.software import note_software
from demo import CODE_VERSION as DEMO_VERSION
from eval import CODE_VERSION as EVAL_VERSION
from feature_extractors import CODE_VERSION as FEATURE_VERSION
from feature_extractors.weights.catalogue import FOLDER as PUBLISHED_WEIGHTS
from feature_extractors.weights.catalogue import KNOWN as KNOWN_WEIGHTS
from model import CODE_VERSION as MODEL_VERSION
from workflow import layout
from workflow.checks.cluster import check_cluster
from workflow.checks.dates import check_dates, date_back
from workflow.checks.video_tables import outdate_unfit
from workflow.encoders import further_files
from workflow.layout import any_of
from workflow.leftovers import remove_leftovers
from workflow.params import PREDICTION_KEYS, Params
from workflow.paths import Paths
from workflow.resources import ask_for, lift_default_rate
from workflow.study import load_study
from workflow.terminal.page import Page
from workflow.terminal.steps import show_steps

# A plan is many small objects that stay: looking for garbage among them takes a sixth of the time of planning.
gc.set_threshold(50_000, 20, 100)
if not workflow.output_settings.dryrun:
    show_steps(snakemake_logger, workflow.output_settings.quiet)
try:
    # What the user gives, without config.yaml: the demo's values are not for other datasets.
    study = load_study(config, Path(workflow.basedir), given=workflow.config_settings.overwrite_config)
    sources = [*study.data.files.values(), *map(Path, study.annotations.values())]
    check_dates([*([] if study.is_demo else sources), *study.further_sources], time.time())
except (UserError, OSError) as problem:
    # Not WorkflowError, which adds lines about this file, although the mistake is elsewhere.
    sys.exit(f"error: {problem}")

# Each command of a job notes there which versions it ran with, for the report.
os.environ[SOFTWARE_FOLDER] = f"logs/software/{study.name}"
config.update(study.config)
paths, tracked = Paths(study), Params(study)
# Not in a job on a cluster, which reads this file again: it must not change what the run was planned with.
if workflow.is_main_process:
    for line in date_back(time.time(), sources if study.is_demo else []):
        print(f"note: {line}", file=sys.stderr)
    for line in outdate_unfit(study.name, Path(study.dataset.videos), study.data):
        print(f"note: {line}: its shard is made again", file=sys.stderr)
if study.left_out_domains:
    print(f"note: domains left out because of missing videos: {', '.join(study.left_out_domains)}", file=sys.stderr)
# The params of a shard list its videos and texts, so the annotation files can be `ancient`: an edit elsewhere in a file
# does not re-run the shard. The demo's files cannot, because a job makes them: Snakemake does not compare the params of
# jobs downstream of a scheduled job, and would not re-run those that depend on it through an ancient file only.
ANNOTATION_FILES = list(study.annotations.values())
ANNOTATION_INPUT = ANNOTATION_FILES if study.is_demo else ancient(ANNOTATION_FILES)
# The one job that logs gates, if `inference.gate_save_path` names a file: its rule has no wildcards, since the file's
# name has none.
ONLY = study.gate_file_job


def only(pattern):
    """The pattern of a rule that logs gates, filled in if that rule is a single job."""
    return pattern.format(**vars(ONLY)) if ONLY else pattern


wildcard_constraints:
    dataset=any_of([study.name]),
    shard=any_of(study.data.shards),
    run=any_of([*study.settings, "random"]),
    scope=any_of(study.scopes),
    seed=r"\d+",
    split=any_of(study.annotations),


# The only such block: Snakemake runs the last one that it finds, and forgets the others.
onstart:
    # Not while the file is read: only now Snakemake has chosen its executor.
    try:
        for line in check_cluster(workflow.executor_plugin.name, workflow.executor_settings):
            print(f"note: {line}", file=sys.stderr)
    except UserError as problem:
        sys.exit(f"error: {problem}")
    note_software("snakemake")
    lift_default_rate(workflow.scheduler)


overview = Page(Path("results", study.name, "overview.txt"))


onsuccess:
    for folder in remove_leftovers(study):
        print(f"note: removed {folder}: the configuration has no such run", file=sys.stderr)
    overview.print_if_new()
