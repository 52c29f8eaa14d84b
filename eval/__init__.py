"""Predictions and gate logs in, numbers and pictures out: `python -m eval --help`.

From Python, by subject: `qvhighlights.evaluation.evaluate_files` and `tvsum.evaluation.evaluate_files` score prediction
files (`qvhighlights.score.evaluate` rows), `study.summary.summarise_files` puts runs side by side, `gates.statistics`
counts gate logs, `best_moments` ranks what was predicted, `plots` draws. Each verb is one such call.

Scoring QVHighlights needs NumPy alone. SciPy is imported only for TVSum, for groups of gates and for tests over seeds,
pydantic only to check what `summarise` and `tvsum-table` read, matplotlib only by the modules of `eval.plots`. Nothing
here knows the model. Importing this package loads nothing.
"""

# Raise a number when the verb's output changes for unchanged input: it is part of what Snakemake tracks. Verbs that
# share the code that changed are raised together.
CODE_VERSION = {
    "score": 7,
    "baseline": 7,
    "tvsum": 7,
    "tvsum_table": 7,
    "summarise": 7,
    "gates": 7,
    "rank": 7,
    "plot_moments": 7,
    "plot_gates": 7,
    "plot_gate_figures": 7,
    "plot_training": 7,
    "plot_summary": 7,
}
# Names the rows of means over scopes, so the name of a scope may not begin with it.
MEAN_SCOPE = "mean of"
