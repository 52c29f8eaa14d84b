"""Command line: `python -m workflow schema`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from cli import Command
from cli.outputs import write_text

ROOT = Path(__file__).parents[1]


def schema(arguments: argparse.Namespace) -> None:
    """Regenerate what follows from the settings classes; run it after changing a key or its docstring.

    Writes workflow/schemas/config.schema.yaml, docs/reference/configuration.md and the comments of config.yaml.
    """
    from workflow.generated.reference import comment, write_page
    from workflow.generated.schema import json_schema, write_schema

    described = json_schema()
    made = {
        "workflow/schemas/config.schema.yaml": write_schema(described),
        "docs/reference/configuration.md": write_page(described),
        "config.yaml": comment((ROOT / "config.yaml").read_text(encoding="utf-8"), described),
    }
    for name, text in made.items():
        write_text(ROOT / name, text)


def main() -> int:
    """Run one verb; returns the exit status."""
    command = Command("workflow", "Maintenance commands for the workflow.")
    command.verb("schema", schema)
    return command.main()


if __name__ == "__main__":
    sys.exit(main())
