"""Decode media with PyAV: what a file holds, the pictures of its clips, its sound as a stream of samples.

All times are seconds from second 0 of the clip grid, by presentation timestamps. Second 0 is the first picture, unless
the sound starts long before it (`timeline.LATE_S`); sound that starts earlier or later than the picture keeps its
offset. Of sound alone, second 0 is its beginning. `timeline` reads from packets when pictures are shown (`untimed`
where packets do not tell), `frames` decodes the pictures that are wanted, `picture` turns them into upright RGB,
`sound` decodes and resamples, `probing` decides a file's clip grid, and `in_flight` remembers which video was being
decoded when a process ended.
"""

from feature_extractors.media.container import Problems
from feature_extractors.media.frames import frames_at, frames_of_clips
from feature_extractors.media.probing import examine, examine_all, probe
from feature_extractors.media.sound import SoundTrack, open_sound

__all__ = ["Problems", "SoundTrack", "examine", "examine_all", "frames_at", "frames_of_clips", "open_sound", "probe"]
