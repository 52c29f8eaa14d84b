"""Arguments that the verbs of `python -m model` share, and what they mean."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from cli import UserError


def name_scope(arguments: argparse.Namespace) -> str:
    return f"domain {arguments.domain}" if arguments.domain else "all queries"


def read_queries(file: Path, domain: str | None) -> list[dict[str, Any]]:
    """The rows of a file, of one domain if one is given."""
    from formats.annotations import read_annotations, select_domains

    rows = read_annotations([file])
    return rows if domain is None else select_domains(rows, [domain], str(file))


def use_device(arguments: argparse.Namespace) -> str:
    import torch

    from model.training.distributed import local_rank

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


def add_running(parser: argparse.ArgumentParser, sections: str) -> None:
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


def seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"must be a number of seconds from 0, got {text!r}")
    return value
