"""The verb `train`."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from cli import Command
from cli.command import seed
from cli.device import warn_if_slow
from model.commands.arguments import add_running, find_stores, seconds


def train(arguments: argparse.Namespace) -> None:
    """Train one network and write best.pt, last.pt and history.jsonl.

    A killed run resumes where it stopped when the command is repeated, and ends with the same weights. Under torchrun,
    several processes share each batch: torchrun --nproc-per-node 2 -m model train ...
    """
    import torch

    from model.config import TrainStage
    from model.device import use_device
    from model.training.distributed import join_processes
    from model.training.run import train_run
    from model.training.trainer import Running

    stage = TrainStage.from_json(arguments.config)
    device = use_device(arguments.device, arguments.threads)
    with join_processes(device) as processes:
        if processes.first:
            warn_if_slow("train.precision", stage.train.precision, device, torch.ops.mkldnn)
        else:
            logging.disable(logging.INFO)
        train_run(
            stage,
            arguments.train,
            arguments.val,
            find_stores(arguments.features),
            arguments.out,
            arguments.seed,
            val_features=find_stores(arguments.val_features) if arguments.val_features else None,
            init_from=arguments.init_from,
            domain=arguments.domain,
            leave_out=arguments.leave_out,
            running=Running(device, processes, arguments.save_every, arguments.tensorboard),
        )


def add_verbs(command: Command) -> None:
    """Add the verb and its arguments."""
    parser = command.verb("train", train)
    parser.add_argument("--train", type=Path, required=True, metavar="FILE", help="labelled queries, JSONL")
    parser.add_argument("--val", type=Path, required=True, metavar="FILE", help="labelled queries, JSONL")
    parser.add_argument("--seed", type=seed, required=True)
    parser.add_output_folder(
        "--out",
        files=("best.pt", "last.pt", "history.jsonl", "resume.pt"),
        required=True,
        metavar="DIR",
        help="folder of the run",
    )
    parser.add_argument("--init-from", type=Path, metavar="PT", help="checkpoint to start from (its weights)")
    parser.add_argument(
        "--val-features", type=Path, nargs="+", metavar="H5|DIR", help="feature stores of the val split, if different"
    )
    parser.add_argument(
        "--save-every",
        type=seconds,
        default=30.0,
        metavar="SECONDS",
        help="minimum time between writes of resume.pt (default: 30; 0 = after every step)",
    )
    parser.add_output_folder("--tensorboard", metavar="DIR", help="write a TensorBoard log to this folder")
    add_running(parser, "sections model and train")
