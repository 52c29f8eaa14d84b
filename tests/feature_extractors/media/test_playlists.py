"""A file that names other files is no video, and those files are not opened, wherever they lie."""

from __future__ import annotations

from pathlib import Path

import av
import pytest

from cli import UserError
from feature_extractors.media.container import open_media
from feature_extractors.media.playlists import whole_formats
from tests.feature_extractors.made_media import steady, write_media

HLS = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{file}\n#EXT-X-ENDLIST\n"
CONCAT = "ffconcat version 1.0\nfile {file}\n"
SDP = "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n"
DASH = (
    '<?xml version="1.0"?>\n<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT1S">'
    '<Period><AdaptationSet mimeType="video/mp4"><Representation id="1" bandwidth="9"><BaseURL>{file}</BaseURL>'
    "</Representation></AdaptationSet></Period></MPD>"
)


@pytest.mark.parametrize(
    ("name", "text", "file"),
    [
        ("a.m3u8", HLS, "../private/clip.mp4"),
        ("a.mp4", CONCAT, "clip.mp4"),
        ("a.mpd", DASH, "../private/clip.mp4"),
        ("a.sdp", SDP, ""),
    ],
)
def test_a_playlist_is_refused(tmp_path: Path, name: str, text: str, file: str) -> None:
    for folder in ("private", "videos"):
        (tmp_path / folder).mkdir()
        write_media(tmp_path / folder / "clip.mp4", steady(1.0))
    playlist = tmp_path / "videos" / name
    playlist.write_text(text.format(file=file), encoding="utf-8")
    if file and name != "a.mpd":  # which FFmpeg is built without here
        with av.open(f"file:{playlist}") as container:
            assert container.streams.video  # FFmpeg follows it
    with pytest.raises(UserError, match=r": not a readable media file: a playlist, which names other files$"):
        open_media(playlist)


def test_the_formats_of_videos_are_allowed() -> None:
    allowed = set(whole_formats()["format_whitelist"].split(","))
    assert {"mp4", "mov", "matroska", "webm", "mpegts", "avi", "flv", "ogg", "wav", "mxf"} <= allowed
