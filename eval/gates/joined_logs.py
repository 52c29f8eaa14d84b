"""The gate logs of several networks, such as one per domain, as one log."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cli import UserError
from formats.gate_log import GateLog, read_gate_log
from formats.rows import with_rows


def read_gate_logs(paths: Sequence[Path], most: int = -1) -> GateLog:
    """Read the logs of several networks, such as one per domain, as one log.

    Files without rows, of networks that could not be trained, are left out. `most`: maximum number of queries to read,
    in the order of the files; -1 for all.

    Raises:
        UserError: as `read_gate_log`; no file has rows, the files differ in kind, or two have the same query.
    """
    paths = [paths[index] for index in with_rows(paths)]
    first = read_gate_log(paths[0], most)
    samples, seen = list(first.samples), {sample.qid: paths[0] for sample in first.samples}
    for path in paths[1:]:
        if len(samples) == most:
            break
        log = read_gate_log(path, most if most < 0 else most - len(samples))
        for what, value, expected in (
            ("gating type", log.gating_type, first.gating_type),
            ("kinds", log.kinds, first.kinds),
            ("number of layers", log.layers, first.layers),
        ):
            if value != expected:
                raise UserError(f"{path}: its {what}, {value}, is not that of {paths[0]}, {expected}")
        for sample in log.samples:
            if sample.qid in seen:
                raise UserError(
                    f"{path}: qid {sample.qid} is in {seen[sample.qid]} too: give logs of different queries"
                )
        seen |= {sample.qid: path for sample in log.samples}
        samples += log.samples
    name = first.name if len(paths) == 1 else f"{first.name} and {len(paths) - 1} more"
    return GateLog(name, first.gating_type, first.kinds, first.layers, tuple(samples))
