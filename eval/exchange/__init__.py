"""Take moments to other programs: a selection of cuts, and one pure writer per format (cuts in, text out).

`export` lists the formats. `feature_extractors footage` makes the footage table, which has the frame rates.
"""
