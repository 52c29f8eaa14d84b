"""Cut a reel: one video of the best moments, right to the frame, with the sound in step.

`plan` chooses the moments and counts frames. `source` reads a file's packets, `pictures` and `sound` read a moment.
`writing` encodes the reel or, where `copying` finds that the cuts allow it, copies the pictures.
"""
