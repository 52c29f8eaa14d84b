"""Tables of facts about media files, which `feature_extractors` writes and programs without FFmpeg read."""
