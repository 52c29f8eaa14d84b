"""CLIP, both towers, through open_clip: the frames at clips' centres and the words of queries."""
