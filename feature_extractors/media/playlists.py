"""Formats that FFmpeg does not open here: files that make it read other files, or the network.

A playlist may have any name and say `file ../private.mp4`. Nothing outside a file is read for its features, so only
formats that are whole in themselves are allowed. Those are checked before FFmpeg reads more than a file's beginning.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import av

_REFERRING = frozenset(
    {
        *("avisynth", "concat", "dash", "hls", "imf", "lavfi", "rtp", "rtsp", "sap", "sdp", "vapoursynth"),
        "webm_dash_manifest",
    }
)
_BEGINNING = re.compile(rb"#EXTM3U|ffconcat|v=0\r?\n|(<\?xml[^>]*>)?\s*<(MPD|SmoothStreaming|AssetMap)\b")
_LOOKED_AT = 4096


@cache
def whole_formats() -> dict[str, str]:
    """FFmpeg's option that allows no other formats than those that are whole in one file."""
    return {"format_whitelist": ",".join(sorted(av.formats_available - _REFERRING))}


def is_playlist(file: Path) -> bool:
    """Whether a file begins as one that names others, to say so: FFmpeg only calls it an invalid argument."""
    with file.open("rb") as content:
        return _BEGINNING.match(content.read(_LOOKED_AT).removeprefix(b"\xef\xbb\xbf").lstrip()) is not None
