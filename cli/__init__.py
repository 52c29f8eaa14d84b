"""What all commands of the project share: arguments, settings, output files, progress and errors.

`settings` turns the `--config JSON` of a command into a frozen dataclass, `command` is the argument parser, `errors`
holds the exception that is printed as one line, `outputs` writes files atomically, `device` picks the CPU or a GPU, and
`progress` draws a bar on a terminal and logs plain lines elsewhere. The package sits below all others and imports none
of them.
"""

from cli.command import Command, Verb, whole_number
from cli.errors import UserError
from cli.progress import track
from cli.settings import Settings, canonical_json

__all__ = ["Command", "Settings", "UserError", "Verb", "canonical_json", "track", "whole_number"]
