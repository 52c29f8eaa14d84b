"""The verb `infer`."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from cli import Command, UserError, track
from formats.rows import write_rows
from model.commands.arguments import add_running, name_scope, read_queries, use_device

_log = logging.getLogger("model")


def infer(arguments: argparse.Namespace) -> None:
    """Predict moments and saliency for the queries of a split; log the gates if --gate-log names a file."""
    from model.checkpoint import NoNetwork
    from model.data.feature_set import NoQueries

    try:
        _infer(arguments)
    except (NoNetwork, NoQueries) as problem:
        if not arguments.leave_out:
            raise
        _log.warning("%s: left out, nothing is predicted: %s", name_scope(arguments), problem)
        for path in (arguments.out, arguments.gate_log):
            if path:
                write_rows(path, [])


def _infer(arguments: argparse.Namespace) -> None:
    from model.checkpoint import load_network
    from model.config import InferStage
    from model.data.feature_set import FeatureSet
    from model.data.streams import Streams
    from model.inference.split import answer

    config = InferStage.from_json(arguments.config).inference
    device = use_device(arguments)
    network, about = load_network(arguments.checkpoint)
    rows, streams = read_queries(arguments.queries, arguments.domain), Streams(arguments.features)
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


def add_verbs(command: Command) -> None:
    """Add the verb and its arguments."""
    parser = command.verb("infer", infer)
    parser.add_argument("--checkpoint", type=Path, required=True, metavar="PT")
    parser.add_argument("--queries", type=Path, required=True, metavar="FILE", help="queries, JSONL; labels not needed")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="predictions to write, JSONL")
    parser.add_argument("--gate-log", type=Path, metavar="FILE", help="gate log to write, JSONL")
    add_running(parser, "inference")
