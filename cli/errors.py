"""The error that a command prints as one line instead of a traceback."""


class UserError(Exception):
    """A mistake that the user can fix. The message is one line that names the file or key and the cause."""


def one_line(problem: Exception, most: int = 200) -> str:
    """What a library says of a problem, on one line of at most `most` characters."""
    return " ".join(str(problem).split())[:most]
