"""`python -m av_highlights VERB`: find moments and highlights in videos with a trained network."""

from __future__ import annotations

import sys

from av_highlights.commands import bundle, find, reel
from cli import Command


def build_command() -> Command:
    """All verbs and their arguments."""
    command = Command(
        "av_highlights", "Find moments and highlights in videos with a trained network.", extra="features"
    )
    for module in (find, bundle, reel):
        module.add_verbs(command)
    return command


if __name__ == "__main__":
    sys.exit(build_command().main())
