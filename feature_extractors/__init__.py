"""Media in, features out: decode videos, encode clips and queries, write HDF5 stores.

`annotations` converts a dataset's own labels to rows, `media` decodes files and decides the clip grid of every video,
`encoders` encode on that grid, `weights` fetches and loads weights, `doctor` and `verify` inspect media and stores.
Importing this package loads nothing heavy.
"""

# Raise a number when the stage's output changes for unchanged settings: it is part of what Snakemake tracks. Those of
# the encoders are next to their settings (`encoders.stream.Stage`).
CODE_VERSION = {"manifest": 5, "import": 1, "problems": 1, "strip": 1, "previews": 2}
