"""The verbs of `python -m av_highlights`, by subject: arguments in, typed calls, files out."""
