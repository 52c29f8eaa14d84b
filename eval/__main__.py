"""`python -m eval VERB`: score predictions, read gate logs, draw."""

from __future__ import annotations

import sys

from cli import Command
from eval import counting, plotting, rating, scoring, showing


def build_command() -> Command:
    """All verbs and their arguments."""
    command = Command("eval", "Score predictions, read gate logs, and draw what they say.")
    for verbs in (scoring, rating, counting, showing, plotting):
        verbs.add_verbs(command)
    return command


if __name__ == "__main__":
    sys.exit(build_command().main())
