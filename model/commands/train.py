"""The verb `train`."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path
from typing import Any

from cli import Command, UserError
from model.commands.arguments import add_running, name_scope, read_queries, seconds, use_device

_log = logging.getLogger("model")


def train(arguments: argparse.Namespace) -> None:
    """Train one network and write best.pt, last.pt and history.jsonl.

    A killed run goes on where it was: the same command again ends with the same weights. Started by torchrun, several
    processes share each batch: torchrun --nproc-per-node 2 -m model train ...
    """
    from model.checkpoint import NoNetwork, load_network
    from model.config import TrainStage
    from model.data.feature_set import FeatureSet, NoQueries
    from model.data.streams import Streams
    from model.training.distributed import join_processes
    from model.training.run import Outcome, Running, leave_out
    from model.training.run import train as train_network

    stage = TrainStage.from_json(arguments.config)
    if arguments.seed < 0:
        raise UserError(f"--seed must be at least 0, got {arguments.seed}")
    device = use_device(arguments)
    with join_processes(device) as processes:
        if not processes.first:
            logging.disable(logging.INFO)
        objective = stage.train.objective
        train_rows = read_labelled(arguments.train, arguments.domain, objective)
        val_rows = read_labelled(arguments.val, arguments.domain, objective)
        streams = Streams(arguments.features)
        control = stage.train.audio_control, arguments.seed
        outcome, source, start = Outcome(arguments.out), arguments.train, None
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
                _log.warning("%s: left out, nothing is trained: %s", name_scope(arguments), cause)
                leave_out(outcome, cause)
            return
        del streams
        if val_set.dims != train_set.dims:
            raise UserError(f"--val-features: made for inputs {val_set.dims}, those of --features are {train_set.dims}")
        _log.info("%d train and %d val queries, inputs %s", len(train_set), len(val_set), train_set.dims)
        running = Running(device, processes, arguments.save_every, arguments.tensorboard)
        train_network(stage, train_set, val_set, arguments.seed, outcome, running, start)


def read_labelled(file: Path, domain: str | None, objective: str) -> list[dict[str, Any]]:
    from model.training.labels import check_rows

    rows = read_queries(file, domain)
    check_rows(rows, objective, str(file))
    return rows


def add_verbs(command: Command) -> None:
    """Add the verb and its arguments."""
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
        type=seconds,
        default=30.0,
        metavar="SECONDS",
        help="least time between two writes of resume.pt (default 30; 0: after every step)",
    )
    parser.add_argument("--tensorboard", type=Path, metavar="DIR", help="folder of a TensorBoard log to write")
    add_running(parser, "model and train")
