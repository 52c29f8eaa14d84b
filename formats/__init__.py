"""The files that packages exchange: each format with its writer, reader and checks side by side. Torch-free.

`annotations` and `labels` hold the queries and their labels, `predictions` the output of a network, `gate_log` its
gates, `video_table` the videos of a shard, `store` the features, and `bundle` what lies in a bundle. They are built on
`rows` (JSON and JSON lines), `arrays` (arrays of numbers in JSON) and `grid` (the clip grid); `store` also on `hdf5`,
`checksums`, `layout` (how the parts of a store fit together) and `unfinished` (what is encoded so far).
"""
