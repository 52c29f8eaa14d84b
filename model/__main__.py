"""Command line: `python -m model VERB --help`."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path
from typing import Any

from cli import Command, UserError, track
from cli.files import write_rows

_log = logging.getLogger("model")


def train(arguments: argparse.Namespace) -> None:
    """Train one network and write best.pt, last.pt and history.jsonl.

    A killed run goes on where it was: the same command again ends with the same weights. Started by torchrun, several
    processes share each batch: torchrun --nproc-per-node 2 -m model train ...
    """
    from model import training
    from model.checkpoint import NoNetwork, load_network
    from model.config import TrainStage
    from model.dataset import FeatureSet, NoQueries
    from model.distributed import join_processes
    from model.streams import Streams

    stage = TrainStage.from_json(arguments.config)
    if arguments.seed < 0:
        raise UserError(f"--seed must be at least 0, got {arguments.seed}")
    device = _use_device(arguments)
    with join_processes(device) as processes:
        if not processes.first:
            logging.disable(logging.INFO)
        objective = stage.train.objective
        train_rows = _read_labelled(arguments.train, arguments.domain, objective)
        val_rows = _read_labelled(arguments.val, arguments.domain, objective)
        streams = Streams(arguments.features)
        control = stage.train.audio_control, arguments.seed
        outcome, source, start = training.Outcome(arguments.out), arguments.train, None
        try:
            train_set = FeatureSet(stage.model, train_rows, streams, *control)
            if arguments.val_features:
                streams = Streams(arguments.val_features)
            source = arguments.val
            val_set = FeatureSet(stage.model, val_rows, streams, *control)
            if arguments.init_from:
                start, about = load_network(arguments.init_from)
                origin = f"epoch {about.get('epoch')}, seed {about.get('seed')}"
                _log.info("starting from %s: %s", arguments.init_from, origin)
        except (NoQueries, NoNetwork) as problem:
            cause = str(problem) if isinstance(problem, NoNetwork) else f"{source}: {problem}"
            if not arguments.leave_out:
                raise UserError(cause) from None
            if processes.first:
                _log.warning("%s: left out, nothing is trained: %s", _what(arguments), cause)
                training.leave_out(outcome, cause)
            return
        del streams
        if val_set.dims != train_set.dims:
            raise UserError(f"--val-features: made for inputs {val_set.dims}, those of --features are {train_set.dims}")
        _log.info("%d train and %d val queries, inputs %s", len(train_set), len(val_set), train_set.dims)
        running = training.Running(device, processes, arguments.save_every, arguments.tensorboard)
        training.train(stage, train_set, val_set, arguments.seed, outcome, running, start)


def infer(arguments: argparse.Namespace) -> None:
    """Predict moments and saliency for the queries of a split; log the gates if --gate-log names a file."""
    from model.checkpoint import NoNetwork
    from model.dataset import NoQueries

    try:
        _infer(arguments)
    except (NoNetwork, NoQueries) as problem:
        if not arguments.leave_out:
            raise
        _log.warning("%s: left out, nothing is predicted: %s", _what(arguments), problem)
        for path in (arguments.out, arguments.gate_log):
            if path:
                write_rows(path, [])


def _infer(arguments: argparse.Namespace) -> None:
    from model.checkpoint import load_network
    from model.config import InferStage
    from model.dataset import FeatureSet
    from model.prediction import answer
    from model.streams import Streams

    config = InferStage.from_json(arguments.config).inference
    device = _use_device(arguments)
    network, about = load_network(arguments.checkpoint)
    rows, streams = _read(arguments.queries, arguments.domain), Streams(arguments.features)
    features = FeatureSet(network.config, rows, streams, config.audio_control, about.get("seed", 0))
    if features.dims != network.dims:
        raise UserError(f"{arguments.checkpoint}: made for inputs {network.dims}, the features are {features.dims}")
    if arguments.gate_log and network.fusion is None:
        raise UserError(f"{arguments.checkpoint}: fusion {network.config.fusion!r} has no gates to log")
    _log.info("%s: epoch %s, seed %s", arguments.checkpoint, about.get("epoch"), about.get("seed"))
    # A network that learnt saliency alone has a decoder that nobody trained.
    moments = about.get("objective") != "saliency"
    count = len(features) if config.gate_sample_count < 0 else config.gate_sample_count
    logged = range(count if arguments.gate_log else 0)
    answers = answer(network, features, config, device, moments, logged)
    answers = track(answers, f"infer {arguments.queries.stem}: queries", total=len(features))
    in_order = sorted(answers, key=lambda item: item.index)
    write_rows(arguments.out, [item.row for item in in_order])
    if arguments.gate_log:
        write_rows(arguments.gate_log, [item.gates for item in in_order if item.gates])


def import_checkpoint(arguments: argparse.Namespace) -> None:
    """Turn a checkpoint of QD-DETR or of its gated variant into one of ours; nothing in the file is executed."""
    import torch

    from model.checkpoint import save_checkpoint
    from model.detector import HighlightDetector
    from model.reference.names import convert
    from model.reference.options import network_of, objective_of
    from model.reference.reading import read_reference

    state, options = read_reference(arguments.checkpoint)
    shapes = {name: value.shape for name, value in state.items()}
    streams = (arguments.video_streams, arguments.audio_streams, arguments.text_stream)
    try:
        config, dims = network_of(options, shapes, *streams)
        objective = objective_of(options)
        # Without memory until the shapes are seen to fit: options may ask for a network of any size.
        with torch.device("meta"):
            network = HighlightDetector(config, dims)
        network.load_state_dict(convert(state), assign=True)
    except (UserError, RuntimeError) as problem:
        raise UserError(f"{arguments.checkpoint}: {' '.join(str(problem).split())[:300]}") from None
    known = {name: value for name, value in options.items() if isinstance(value, str | int | float | bool)}
    about = {"imported_from": arguments.checkpoint.name, "objective": objective, "options": known}
    save_checkpoint(arguments.out, network, about)
    _log.info("%s: fusion %s, inputs %s", arguments.out, config.fusion, dims)


def _what(arguments: argparse.Namespace) -> str:
    return f"domain {arguments.domain}" if arguments.domain else "all queries"


def _read(file: Path, domain: str | None) -> list[dict[str, Any]]:
    """The rows of a file, of one domain if one is given."""
    from feature_extractors.manifest import read_annotations

    rows = read_annotations([file])
    if domain is None:
        return rows
    kept = [row for row in rows if row.get("domain") == domain]
    if not kept:
        known = ", ".join(sorted({str(row["domain"]) for row in rows if "domain" in row})) or "none"
        raise UserError(f"{file}: no row of domain {domain!r} (domains: {known})")
    return kept


def _read_labelled(file: Path, domain: str | None, objective: str) -> list[dict[str, Any]]:
    from model.labels import check_rows

    rows = _read(file, domain)
    try:
        check_rows(rows, objective)
    except UserError as problem:
        raise UserError(f"{file}: {problem}") from None
    return rows


def _use_device(arguments: argparse.Namespace) -> str:
    import torch

    from model.distributed import local_rank

    if arguments.threads < 1:
        raise UserError(f"--threads must be at least 1, got {arguments.threads}")
    torch.set_num_threads(arguments.threads)
    if arguments.device != "auto":
        try:
            torch.empty(0, device=arguments.device)
        except (RuntimeError, AssertionError) as problem:
            raise UserError(f"--device {arguments.device}: {str(problem).splitlines()[0]}") from None
        return str(arguments.device)
    return f"cuda:{local_rank()}" if torch.cuda.is_available() else "cpu"


def _add_running(parser: argparse.ArgumentParser, sections: str) -> None:
    parser.add_argument("--features", type=Path, nargs="+", required=True, metavar="H5", help="stores of all streams")
    parser.add_argument("--config", required=True, metavar="JSON", help=f"sections {sections}, as JSON or @FILE")
    parser.add_argument("--domain", metavar="NAME", help="only the rows of this domain (TVSum)")
    parser.add_argument(
        "--leave-out",
        action="store_true",
        help="where no query has features, write files that say so (no network, no predictions) instead of failing",
    )
    parser.add_argument("--threads", type=int, default=1, help="CPU threads (default 1)")
    parser.add_argument("--device", default="auto", help="cpu, cuda, cuda:N or auto (default: cuda if there is one)")


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"must be a number of seconds from 0, got {text!r}")
    return value


def main() -> int:
    """Run one verb; returns the exit status."""
    command = Command("model", "Features in; checkpoints, predictions and gate logs out.")

    parser = command.verb("train", train)
    parser.add_argument("--train", type=Path, required=True, metavar="FILE", help="labelled queries, JSONL")
    parser.add_argument("--val", type=Path, required=True, metavar="FILE", help="labelled queries, JSONL")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the run")
    parser.add_argument("--init-from", type=Path, metavar="PT", help="checkpoint whose weights to start from")
    parser.add_argument(
        "--val-features", type=Path, nargs="+", metavar="H5", help="stores of the val split, if they are others"
    )
    parser.add_argument(
        "--save-every",
        type=_seconds,
        default=30.0,
        metavar="SECONDS",
        help="least time between two writes of resume.pt (default 30; 0: after every step)",
    )
    parser.add_argument("--tensorboard", type=Path, metavar="DIR", help="folder of a TensorBoard log to write")
    _add_running(parser, "model and train")

    parser = command.verb("infer", infer)
    parser.add_argument("--checkpoint", type=Path, required=True, metavar="PT")
    parser.add_argument("--queries", type=Path, required=True, metavar="FILE", help="queries, JSONL; labels not needed")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="predictions to write, JSONL")
    parser.add_argument("--gate-log", type=Path, metavar="FILE", help="gate log to write, JSONL")
    _add_running(parser, "inference")

    parser = command.verb("import-checkpoint", import_checkpoint)
    parser.add_argument("--checkpoint", type=Path, required=True, metavar="CKPT", help="model_best.ckpt of a reference")
    parser.add_argument("--out", type=Path, required=True, metavar="PT", help="checkpoint to write")
    parser.add_argument("--video-streams", nargs="+", required=True, metavar="NAME", help="in the order of training")
    parser.add_argument("--audio-streams", nargs="+", default=["pann"], metavar="NAME", help="default: pann")
    parser.add_argument("--text-stream", default="clip_text", metavar="NAME", help="default: clip_text")
    return command.main()


if __name__ == "__main__":
    sys.exit(main())
