"""The files of a reel: the packets of each are read once, however many moments are cut from it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from feature_extractors.media.container import Problems, open_media, pick_sound
from feature_extractors.media.timeline import Timeline, read_timeline


@dataclass(frozen=True)
class Source:
    """A video, and when its pictures are shown."""

    file: Path
    timeline: Timeline


class Sources:
    """The videos of a folder, read when they are first asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[str, Source] = {}

    def of(self, name: str) -> Source:
        """The video of this name, relative to the folder.

        Raises:
            UserError: it cannot be read, or has no pictures.
        """
        if name not in self._read:
            file = self._folder / name
            with open_media(file) as container:
                sound = pick_sound(container)
                timeline = read_timeline(file, container, Problems(), [sound] if sound else [])
            self._read[name] = Source(file, timeline)
        return self._read[name]
