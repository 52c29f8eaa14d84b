"""The verbs of `python -m feature_extractors`, one module each: arguments in, one typed call, one line of log out."""
