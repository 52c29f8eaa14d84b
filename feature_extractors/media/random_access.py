"""Find packets that need not be decoded: where decoding can start, and which codecs can drop unreferenced pictures.

A container's key-frame flag alone is not enough for H.264 and HEVC: recovery points and clean random access pictures
also have it, and pictures after those may refer to pictures before them. Nor is a picture that refers to no other:
decoder state other than pictures (a palette, tables, parameter sets) may have come with an earlier packet.
"""

from __future__ import annotations

from collections.abc import Iterator

KEY_IS_CLEAN = {
    *("vp8", "vp9", "av1"),  # a key frame resets all references and contexts
    *("mpeg1video", "mpeg2video", "mpeg4"),  # pictures shown after an I picture never refer to earlier ones
    *("mjpeg", "prores", "dvvideo", "rawvideo", "huffyuv", "ffvhuff", "utvideo", "dnxhd", "png"),  # all are intra
}
DROPS_UNREFERENCED = {"h264", "hevc", "mpeg1video", "mpeg2video", "mpeg4"}
"""Codecs whose decoder can skip non-reference pictures by their header alone, without changing later pictures."""

_IDR_H264 = 5
_STATE_H264 = {7: 1, 8: 2}  # sequence and picture parameter sets
_STATE_HEVC = {32: 1, 33: 2, 34: 4}  # video, sequence and picture parameter sets
_RESETTING_HEVC = range(16, 21)  # BLA and IDR; CRA (21) may be followed by pictures that refer back


def starts_afresh(codec: str, is_keyframe: bool, data: memoryview, length_size: int) -> bool:
    """Whether pictures from this packet on (also in display order) can be decoded without any earlier packet."""
    if not is_keyframe:
        return False
    if codec == "h264":
        return any(header & 31 == _IDR_H264 for header, _ in nal_headers(data, length_size))
    if codec == "hevc":
        return any(header >> 1 & 63 in _RESETTING_HEVC for header, _ in nal_headers(data, length_size))
    return codec in KEY_IS_CLEAN


def state_in(codec: str, data: memoryview, length_size: int) -> int:
    """Bits for the kinds of decoder state that a packet holds besides its picture, and that later packets may need.

    Motion JPEG: tables (in AVI possibly only in the first picture); MPEG-1 and 2: the sequence header; H.264 and HEVC:
    parameter sets in the stream.
    """
    if codec == "mjpeg":
        content = bytes(data)
        return (b"\xff\xdb" in content) | (b"\xff\xc4" in content) << 1
    if codec in ("mpeg1video", "mpeg2video"):
        return int(b"\0\0\1\xb3" in bytes(data))
    found = 0
    if codec == "h264":
        for header, _ in nal_headers(data, length_size):
            found |= _STATE_H264.get(header & 31, 0)
    elif codec == "hevc":
        for header, _ in nal_headers(data, length_size):
            found |= _STATE_HEVC.get(header >> 1 & 63, 0)
    return found


def has_sublayers(data: memoryview, length_size: int) -> bool:
    """Whether an HEVC packet lies above the lowest temporal sub-layer.

    A higher sub-layer may refer to a picture that its own sub-layer does not refer to, so skipping non-reference
    pictures in FFmpeg is not exact there.
    """
    return any(second & 7 > 1 for _, second in nal_headers(data, length_size))


def is_hidden(codec: str, data: memoryview) -> bool:
    """Whether a packet shows nothing: VP8's alternate reference frames (RFC 6386, 9.1: show_frame)."""
    return codec == "vp8" and len(data) > 0 and not data[0] & 0x10


def length_size_of(codec: str, extradata: bytes | None) -> int:
    """Bytes of the length before each NAL unit (ISO/IEC 14496-15), 0 where start codes separate them (Annex B)."""
    place = {"h264": 4, "hevc": 21}.get(codec)
    if place is None or not extradata or len(extradata) <= place or extradata[0] != 1:
        return 0
    return (extradata[place] & 3) + 1


def nal_headers(data: memoryview, length_size: int) -> Iterator[tuple[int, int]]:
    """The first two bytes of each NAL unit."""
    if length_size:
        at = 0
        while at + length_size + 1 < len(data):
            length = int.from_bytes(data[at : at + length_size], "big")
            at += length_size
            yield data[at], data[at + 1]
            at += length
        return
    content = bytes(data)
    at = content.find(b"\0\0\1")
    while 0 <= at < len(content) - 4:
        yield content[at + 3], content[at + 4]
        at = content.find(b"\0\0\1", at + 3)
