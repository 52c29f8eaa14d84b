"""What packages exchange: each file format with its writer, reader and checks side by side. Torch-free.

`annotations` and `labels` are the queries and what people said of them, `predictions` what a network says, `gate_log`
its gates; `video_table` the videos of a shard, `store` the features. `rows` (JSON and JSON lines), `arrays` (numbers of
JSON) and `grid` (the clips) are what these are made of.
"""
