"""What packages exchange: each file format with its writer, reader and checks side by side. Torch-free.

`rows` is JSON and JSON lines, `grid` the clips, `annotations` the queries, `video_table` the videos of a shard, `store`
the features.
"""
