"""`python -m model VERB`: train and run the network."""

from __future__ import annotations

import sys

from cli import Command
from model.commands import import_checkpoint, infer, train


def main() -> int:
    """Run one verb; returns the exit status."""
    command = Command("model", "Train the network, predict with it and log its gates.", extra="model")
    for module in (train, infer, import_checkpoint):
        module.add_verbs(command)
    return command.main()


if __name__ == "__main__":
    sys.exit(main())
