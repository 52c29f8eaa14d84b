"""Media in, features out: decode videos, encode clips and queries, write HDF5 stores.

`annotations` turns a dataset's own labels into rows, `media` decodes and decides the clip grid of every video once,
`encoders` encode on that grid, `weights` finds what they need, `doctor` and `verify` look at media and stores.
Importing this package loads nothing heavy.
"""

# Raise a number when the stage's output changes for unchanged settings: it is part of what Snakemake tracks. Those of
# the encoders stand beside their settings (`encoders.stream.Stage`).
CODE_VERSION = {"manifest": 5, "import": 1, "problems": 1}
