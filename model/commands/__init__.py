"""The verbs of `python -m model`, one module each: arguments in, one typed call, files out."""
