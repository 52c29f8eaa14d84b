"""QD-DETR with gated audio-visual fusion: from features to checkpoints, predictions and gate logs.

`data` reads feature stores, `network` is the detector, `training` and `inference` are the two stages, and `reference`
reads checkpoints of the public implementations. Importing this package does not import torch.
"""

# Increase a number when the stage's output changes for unchanged settings: Snakemake tracks it.
CODE_VERSION = {"train": 10, "infer": 9, "import": 1}
