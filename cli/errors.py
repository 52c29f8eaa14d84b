"""The error that a command prints as one line instead of a traceback."""


class UserError(Exception):
    """A mistake that the user can fix. The message is one line that names the file or key and the cause."""
