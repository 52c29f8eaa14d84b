"""The verb `infer`."""

from __future__ import annotations

import argparse
from pathlib import Path

from cli import Command, UserError
from cli.device import warn_if_slow
from model.commands.arguments import add_running, find_stores


def infer(arguments: argparse.Namespace) -> None:
    """Predict moments and saliency for the queries of a split; log the gates if --gate-log is given.

    Several checkpoints, such as best.pt and last.pt of a run, predict one after another, each into a file of its own;
    the gates are those of the first. In one process, libraries are loaded once.
    """
    import torch

    from model.config import InferStage
    from model.device import use_device
    from model.inference.split import predict_split

    if len(arguments.out) != len(arguments.checkpoint):
        needed, given = len(arguments.checkpoint), len(arguments.out)
        raise UserError(f"--out must name as many files as --checkpoint ({needed}), got {given}")
    config = InferStage.from_json(arguments.config).inference
    stores = find_stores(arguments.features)
    device = use_device(arguments.device, arguments.threads)
    warn_if_slow("inference.precision", config.precision, device, torch.ops.mkldnn)
    for number, (checkpoint, out) in enumerate(zip(arguments.checkpoint, arguments.out, strict=True)):
        predict_split(
            config,
            checkpoint,
            arguments.queries,
            stores,
            out,
            gate_log=None if number else arguments.gate_log,
            domain=arguments.domain,
            leave_out=arguments.leave_out,
            device=device,
        )


def add_verbs(command: Command) -> None:
    """Add the verb and its arguments."""
    parser = command.verb("infer", infer)
    parser.add_argument("--checkpoint", type=Path, nargs="+", required=True, metavar="PT")
    parser.add_argument("--queries", type=Path, required=True, metavar="FILE", help="queries, JSONL; need no labels")
    parser.add_output("--out", nargs="+", required=True, metavar="FILE", help="predictions, one file per checkpoint")
    parser.add_output("--gate-log", metavar="FILE", help="gate log of the first checkpoint to write, JSONL")
    add_running(parser, "section inference", default="{}")
