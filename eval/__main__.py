"""`python -m eval VERB`: score predictions, summarise gate logs and draw figures."""

from __future__ import annotations

import sys

from cli import Command
from eval.commands import (
    conditions,
    describe,
    exchange,
    explore,
    gates,
    grounding,
    moments,
    overview,
    qvhighlights,
    study,
    training,
    tvsum,
)


def build_command() -> Command:
    """All verbs and their arguments."""
    command = Command("eval", "Score predictions, summarise gate logs and draw figures.")
    for module in (
        qvhighlights,
        grounding,
        tvsum,
        describe,
        study,
        conditions,
        overview,
        gates,
        training,
        moments,
        exchange,
        explore,
    ):
        module.add_verbs(command)
    return command


if __name__ == "__main__":
    sys.exit(build_command().main())
