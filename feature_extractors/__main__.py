"""`python -m feature_extractors VERB`: media in, features out."""

from __future__ import annotations

import sys

from cli import Command
from feature_extractors import extracting, inspecting, listing, obtaining


def main() -> int:
    """Run one verb; returns the exit status."""
    command = Command("feature_extractors", "Media in, features out.")
    for verbs in (listing, extracting, obtaining, inspecting):
        verbs.add_verbs(command)
    return command.main()


if __name__ == "__main__":
    sys.exit(main())
