"""Features in; checkpoints, predictions and gate logs out: QD-DETR with gated audio-visual fusion.

`data` reads feature stores, `network` is the detector, `training` and `inference` the two stages, `reference` reads
checkpoints of the public implementations. Importing this package loads nothing heavy.
"""

# Raise a number when the stage's output changes for unchanged settings: it is part of what Snakemake tracks.
CODE_VERSION = {"train": 6, "infer": 7}
