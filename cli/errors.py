"""What a command prints as one line instead of a traceback."""


class UserError(Exception):
    """Something the user can mend. The message is one line that names the file or key and the cause."""
