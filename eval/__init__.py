"""Evaluation of predictions and gate logs: metrics, tables and figures (`python -m eval --help`).

The Python interface: `qvhighlights.evaluation.evaluate_files` and `tvsum.evaluation.evaluate_files` score prediction
files (`qvhighlights.score.evaluate` scores rows), `study.summary.summarise_files` compares runs, `gates.statistics`
computes statistics of gate logs, `best_moments` ranks predictions, and `plots` draws figures. Each verb makes one such
call.

Scoring QVHighlights needs only NumPy. SciPy is imported only for TVSum, for groups of gates and for tests over seeds,
pydantic only to check the files that `summarise` and `tvsum-table` read, matplotlib only by modules of `eval.plots`.
No module imports the model. Importing this package loads nothing else.
"""

# Raise a number when the verb's output changes for unchanged input: Snakemake tracks it. If verbs share the code that
# changed, raise all of their numbers.
CODE_VERSION = {
    "score": 7,
    "baseline": 7,
    "tvsum": 7,
    "tvsum_table": 7,
    "summarise": 7,
    "gates": 9,
    "calibration": 1,
    "conditions": 1,
    "overview": 1,
    "report_pages": 1,
    "plot_example": 1,
    "rank": 9,
    "plot_moments": 7,
    "plot_gates": 8,
    "plot_gate_figures": 8,
    "plot_training": 8,
    "plot_summary": 7,
    "explore": 3,
    "plot_conditions": 2,
    "plot_differences": 2,
    "plot_domains": 3,
    "plot_retrieval_figures": 1,
}
# Prefix of the names of rows of means over scopes, so no scope may have a name that starts with it.
MEAN_SCOPE = "mean of"
