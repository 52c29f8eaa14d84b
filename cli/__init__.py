"""How every command of the project reads settings and rows, reports progress and fails.

`settings` turns the `--config JSON` of a command into a frozen dataclass, `command` is the argument parser with
one-line `errors`, `files` reads and writes JSON lines, `progress` is a bar on a terminal and plain lines elsewhere. It
sits below all other packages and imports none of them.
"""

from cli.command import Command, Verb, whole_number
from cli.errors import UserError
from cli.progress import track
from cli.settings import Settings, canonical_json

__all__ = ["Command", "Settings", "UserError", "Verb", "canonical_json", "track", "whole_number"]
