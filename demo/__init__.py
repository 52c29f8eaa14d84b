"""The demo dataset: real media files with planted truth, made from a seed.

`plan` draws what happens in every video, `questions` makes the queries about it, `picture` and `sound` turn plans into
frames and samples, `media` encodes them, `weights` draws the encoders. Half of the videos have sounds that some queries
ask for and that the pictures do not reveal; in the other half the sound is uninformative. The dataset therefore shows
whether a model uses audio where it matters. This module imports nothing, because the workflow reads `CODE_VERSION` when
it starts.
"""

# Raise a number when the stage's output changes for unchanged settings: it is part of what Snakemake tracks.
CODE_VERSION = {"media": 4, "weights": 4}
