"""The parts of a bundle: from a run of the workflow, or from a checkpoint and a configuration of its encoders."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from av_highlights.bundle.loading import sections_of_stage, streams_of, weights_keys
from av_highlights.bundle.making import BundleParts
from cli import UserError
from cli.configuration import read_config
from cli.errors import no_such
from feature_extractors.encoders.registry import STREAMS
from formats.annotations import annotated_seconds, read_annotations
from formats.bundle import SHORTEST_WINDOW
from formats.grid import ClipGrid
from formats.rows import Row
from model.config import ModelConfig
from model.summary import Summary, summarise_checkpoint


def parts_of_run(run: str, seed: int, scope: str = "all", configfiles: Sequence[Path] = ()) -> BundleParts:
    """The parts of the network of a run, in the working directory of its study.

    Args:
        scope: `all`, or the domain if there is one network per domain.
        configfiles: the overlays that the study was run with, in order.

    Raises:
        UserError: the configuration is wrong, the run is not defined or not trained, a stream was not encoded here, or
            this is not a checkout.
    """
    try:
        from workflow import layout
        from workflow.checks.defaults import is_demo
        from workflow.configuration import check, merge, settings_of_run
        from workflow.study import SCHEMA
    except ModuleNotFoundError as problem:
        if problem.name != "workflow":
            raise
        raise UserError("--run: the workflow is not here: run this in the checkout with the study's runs/") from None
    root = Path(layout.__file__).parents[1]
    given: dict[str, Any] = {}
    for file in configfiles:
        given = merge(given, _mapping(read_config(str(file)).values, file))
    default = root / "config.yaml"
    config = check(merge(_mapping(read_config(str(default)).values, default), given), root / SCHEMA, given)
    if run not in config["runs"]:
        raise UserError(f"--run: {run!r} is not defined under runs (defined: {', '.join(config['runs'])})")
    settings, dataset = settings_of_run(config, run), config["dataset"]["name"]
    if settings.trained_as != run:
        raise UserError(f"--run: {run} is a control, which predicts with the network of {settings.trained_as}")
    folder = layout.RUN.format(dataset=dataset, run=run, scope=scope, seed=seed)
    checkpoint = Path(folder, f"{settings.inference.checkpoint}.pt")
    if not checkpoint.is_file():
        overlays = f" --configfile {' '.join(map(str, configfiles))}" if configfiles else ""
        raise UserError(f"{no_such('checkpoint', checkpoint)}: train it: snakemake --cores all {checkpoint}{overlays}")
    summary = summarise_checkpoint(checkpoint, ModelConfig())
    released = next((name for name in streams_of(summary.model) if name in config["imported"]), None)
    if released:
        raise UserError(f"config: imported.{released}: made from released files, so no encoder makes it for new videos")
    rows = read_annotations([Path(config["dataset"]["annotations"]["train"])])
    rows = [row for row in rows if scope == "all" or row.get("domain") == scope]
    videos = len({row["vid"] for row in rows})
    what = "made-up videos of the demo" if is_demo(dataset) else f"videos of {dataset}"
    part = "" if scope == "all" else f", domain {scope}"
    return BundleParts(
        checkpoint=checkpoint,
        sections=config,
        where="the configuration",
        name="-".join([dataset, run, *([] if scope == "all" else [scope]), f"seed{seed}"]),
        description=f"run {run}, seed {seed}{part}: trained on {len(rows):,} queries about {videos:,} {what}"
        f"{_describe_score(summary, settings.train.best_metric)}",
        window_seconds=_longest(rows, ClipGrid.from_dict(config["clips"])),
        demo=True if is_demo(dataset) else None,
    )


@contextmanager
def parts_of_checkpoint(
    checkpoint: Path,
    config: str,
    window_seconds: float | None = None,
    name: str | None = None,
    description: str | None = None,
) -> Iterator[BundleParts]:
    """The parts of the network in a file, of this project, of QD-DETR or of its gated variant, which is imported.

    Args:
        config: sections of its encoders, JSON or a file, as the value of `--config`. For a file of QD-DETR its section
            `model` names the streams (default: clip_visual, pann and clip_text).
        window_seconds: length of the longest training video; None = what a file of QD-DETR says.
        name, description: None = made from the file's name.

    Raises:
        UserError: the file holds no network, or a section is malformed.
    """
    given = read_config(config)
    values = _mapping(given.values, given.where)
    model = values.get("model")
    named = {"video_streams", "audio_streams", "text_stream"}
    chosen = {key: value for key, value in (model if isinstance(model, dict) else {}).items() if key in named}
    streams = ModelConfig.from_dict({**chosen, "fusion": "none"}, where=f"{given.where}: model")
    summary = summarise_checkpoint(checkpoint, streams)
    with tempfile.TemporaryDirectory() as folder:
        source = checkpoint
        if summary.is_reference:
            from model.reference.checkpoint import import_checkpoint

            source = Path(folder, "imported.pt")
            named_streams = streams.video_streams, streams.audio_streams or ("pann",), streams.text_stream
            import_checkpoint(checkpoint, source, *named_streams)
            summary = summarise_checkpoint(source, ModelConfig())
        window = _window_of(summary) if window_seconds is None else window_seconds
        if window is None:
            raise UserError(f"--window-seconds: required, because {checkpoint} does not say how long its videos were")
        origin = summary.about.get("imported_from")
        yield BundleParts(
            checkpoint=source,
            sections=_fill(values, summary.model),
            where=given.where,
            name=name or checkpoint.stem,
            description=description or (f"{origin}, imported" if origin else checkpoint.name),
            window_seconds=max(window, SHORTEST_WINDOW),
        )


def _mapping(values: Any, where: object) -> dict[str, Any]:
    if not isinstance(values, dict):
        raise UserError(f"{where}: must hold sections by name, got {type(values).__name__}")
    return values


def _fill(values: Mapping[str, Any], model: ModelConfig) -> dict[str, dict[str, Any]]:
    """The sections that a network's streams consume; one that is not given has its defaults."""
    known = [name for name in streams_of(model) if name in STREAMS]
    sections: dict[str, dict[str, Any]] = {}
    for name in known:
        for section in sections_of_stage(STREAMS[name].stage):
            sections[section] = dict(_mapping(values.get(section, {}), f"section {section}"))
    for key in weights_keys(model):
        sections[key.section].setdefault("weights", "")
    return sections


def _longest(rows: Sequence[Row], clips: ClipGrid) -> float:
    """Whole clips of the longest training video, in seconds."""
    return max(SHORTEST_WINDOW, *(clips.count(annotated_seconds(row, clips)) * clips.seconds for row in rows))


def _window_of(summary: Summary) -> float | None:
    """Length in seconds that a reference cut its videos to; None if the checkpoint does not say it."""
    options = summary.about.get("options")
    values = [options.get(key) for key in ("max_v_l", "clip_length")] if isinstance(options, dict) else []
    numbers = [float(value) for value in values if isinstance(value, int | float) and value > 0]
    return math.prod(numbers) if len(numbers) == 2 else None


def _describe_score(summary: Summary, metric: str) -> str:
    scores = summary.about.get("val")
    value = scores.get(metric) if isinstance(scores, dict) else None
    return f"; {metric} {value:g} on its val split" if isinstance(value, int | float) else ""
