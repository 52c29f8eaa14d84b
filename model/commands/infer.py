"""The verb `infer`."""

from __future__ import annotations

import argparse
from pathlib import Path

from cli import Command
from model.commands.arguments import add_running, find_stores


def infer(arguments: argparse.Namespace) -> None:
    """Predict moments and saliency for the queries of a split; log the gates if --gate-log is given."""
    from model.config import InferStage
    from model.device import use_device
    from model.inference.split import predict_split

    predict_split(
        InferStage.from_json(arguments.config).inference,
        arguments.checkpoint,
        arguments.queries,
        find_stores(arguments.features),
        arguments.out,
        gate_log=arguments.gate_log,
        domain=arguments.domain,
        leave_out=arguments.leave_out,
        device=use_device(arguments.device, arguments.threads),
    )


def add_verbs(command: Command) -> None:
    """Add the verb and its arguments."""
    parser = command.verb("infer", infer)
    parser.add_argument("--checkpoint", type=Path, required=True, metavar="PT")
    parser.add_argument("--queries", type=Path, required=True, metavar="FILE", help="queries, JSONL; need no labels")
    parser.add_output("--out", required=True, metavar="FILE", help="predictions to write, JSONL")
    parser.add_output("--gate-log", metavar="FILE", help="gate log to write, JSONL")
    add_running(parser, "section inference", default="{}")
