"""How every command of the project reads its settings, reports progress and fails.

`settings` turns the `--config JSON` of a command into a frozen dataclass, `command` is the argument parser with
one-line errors, `progress` a bar on a terminal and plain lines elsewhere. It sits below all other packages and
imports none of them.
"""

from cli.command import Command, UserError
from cli.progress import track
from cli.settings import Settings, canonical_json

__all__ = ["Command", "Settings", "UserError", "canonical_json", "track"]
