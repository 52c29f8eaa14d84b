"""`python -m model VERB`: features in; checkpoints, predictions and gate logs out."""

from __future__ import annotations

import sys

from cli import Command
from model.commands import import_checkpoint, infer, train


def main() -> int:
    """Run one verb; returns the exit status."""
    command = Command("model", "Features in; checkpoints, predictions and gate logs out.", extra="model")
    for module in (train, infer, import_checkpoint):
        module.add_verbs(command)
    return command.main()


if __name__ == "__main__":
    sys.exit(main())
