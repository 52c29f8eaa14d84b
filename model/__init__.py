"""Features in; checkpoints, predictions and gate logs out: QD-DETR with gated audio-visual fusion.

`dataset` reads feature stores, `detector` is the network (with `fusion`, `transformer` and `decoder`), `losses` and
`matcher` its criterion, `training` and `inference` the two stages. Training is made of `batches` (what each step sees),
`engine` (one step), `validation`, `resume`, `schedule`, `ema` and `distributed`. Importing this package loads nothing
heavy.
"""

# Raise a number when the stage's output changes for unchanged settings: it is part of what Snakemake tracks.
CODE_VERSION = {"train": 6, "infer": 7}
