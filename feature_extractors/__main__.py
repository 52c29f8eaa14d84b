"""`python -m feature_extractors VERB`: media in, features out."""

from __future__ import annotations

import sys

from cli import Command
from feature_extractors.commands import (
    convert,
    doctor,
    encode,
    fetch_weights,
    footage,
    import_released,
    manifest,
    previews,
    problems,
    strip,
    verify,
)


def main() -> int:
    """Run one verb; returns the exit status."""
    command = Command("feature_extractors", "Media in, features out.", extra="features")
    for module in (
        convert,
        manifest,
        problems,
        encode,
        import_released,
        fetch_weights,
        doctor,
        verify,
        strip,
        footage,
        previews,
    ):
        module.add_verbs(command)
    return command.main()


if __name__ == "__main__":
    sys.exit(main())
