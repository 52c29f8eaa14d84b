"""Decode media with PyAV: what a file holds, the pictures of its clips, its sound as a stream of samples.

All times are seconds from the first video frame, by presentation timestamps; sound that starts earlier or later than
the picture keeps its offset. `timeline` reads when pictures are shown from packets alone, `frames` decodes those that
are wanted, `picture` makes them upright RGB, `sound` decodes and resamples, `probe` decides the clip grid of a file.
"""

from feature_extractors.decode.frames import frames_at, frames_of_clips
from feature_extractors.decode.media import Problems
from feature_extractors.decode.probe import examine, examine_all, probe
from feature_extractors.decode.sound import SoundTrack, open_sound

__all__ = ["Problems", "SoundTrack", "examine", "examine_all", "frames_at", "frames_of_clips", "open_sound", "probe"]
