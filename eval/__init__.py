"""Predictions and gate logs in, numbers and pictures out: `python -m eval --help`.

Scoring QVHighlights needs NumPy alone. SciPy is imported only for TVSum and for tests over seeds, pydantic only to
check what `summarise` reads, matplotlib only by the modules of `eval.plots`. Nothing here knows the model.
"""

# Part of what a workflow compares before it re-runs a command: raise it when the same input gives another output.
CODE_VERSION = 7
# Names the rows of means over scopes, so the name of a scope may not begin with it.
MEAN_SCOPE = "mean of"
