"""Decode media with PyAV: what a file holds, the pictures of its clips, its sound as a stream of samples.

All times are seconds from second 0 of the clip grid, by presentation timestamps: the first picture, unless the sound
starts long before it (`timeline.LATE_S`). Sound that starts earlier or later than the picture keeps its offset.
`timeline` reads when pictures are shown from packets alone (`untimed` where these do not all say it), `frames` decodes
those that are wanted, `picture` makes them upright RGB, `sound` decodes and resamples, `probe` decides the clip grid of
a file. `files` says what is a video, `in_flight` which one a process ended with.
"""

from feature_extractors.media.container import Problems
from feature_extractors.media.frames import frames_at, frames_of_clips
from feature_extractors.media.probing import examine, examine_all, probe
from feature_extractors.media.sound import SoundTrack, open_sound

__all__ = ["Problems", "SoundTrack", "examine", "examine_all", "frames_at", "frames_of_clips", "open_sound", "probe"]
