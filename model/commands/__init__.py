"""The verbs of `python -m model`, one module each: parse the arguments and make one typed call."""
