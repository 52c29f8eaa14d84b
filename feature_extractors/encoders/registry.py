"""All feature streams that this package makes, by name. A new encoder adds a module here, and its streams below.

Torch-free: see `stream`. docs/guide/adding-an-encoder.md shows how.
"""

from __future__ import annotations

from feature_extractors.encoders.audio.streams import CLAP, PANN
from feature_extractors.encoders.clip.streams import CLIP_TEXT, CLIP_VISUAL
from feature_extractors.encoders.dino import DINO
from feature_extractors.encoders.siglip import SIGLIP
from feature_extractors.encoders.stream import ClipStream, QueryStream

_ALL: tuple[ClipStream | QueryStream, ...] = (
    CLIP_VISUAL,
    CLIP_TEXT,
    PANN,
    CLAP,
    *SIGLIP,
    *DINO,
)

STREAMS = {stream.name: stream for stream in _ALL}
