"""The verbs of `python -m eval`, by subject: arguments in, typed calls, files out."""
