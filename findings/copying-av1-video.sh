#!/usr/bin/env bash
# AV1 video cannot be copied from file to file the way that other common codecs can.
#
# Believed: `add_stream_from_template` makes an output stream of the same kind as an input stream, for copying packets without
#   encoding them (PyAV's documentation and its remuxing example). Nothing is encoded, so no encoder is needed.
# Version: av==18.1.0 (FFmpeg 8.1).
# Seen: for video, PyAV looks for an encoder of the name of the decoder. FFmpeg decodes AV1 with libdav1d, which is no encoder, so the
#   call ends with UnknownCodecError, although the same wheel reads, writes and encodes AV1. The names of the decoders of H.264, HEVC, VP9
#   and VP8 are also those of the formats, so they are found. With `opaque=True`, the default for all but video, AV1 is copied, and decodes
#   to the same pictures.
# Output:
#   libx264    decoded by h264      default: 5 packets copied       opaque=True: 5 packets copied, same pictures
#   libx265    decoded by hevc      default: 5 packets copied       opaque=True: 5 packets copied, same pictures
#   libvpx-vp9 decoded by vp9       default: 5 packets copied       opaque=True: 5 packets copied, same pictures
#   libvpx     decoded by vp8       default: 5 packets copied       opaque=True: 5 packets copied, same pictures
#   libsvtav1  decoded by libdav1d  default: UnknownCodecError      opaque=True: 5 packets copied, same pictures
# Why it matters: tools that cut or join recordings without loss (clips of a highlight, shards of a dataset) are tried on H.264, then fail
#   on the AV1 that video sites deliver today. Ask for `opaque=True`.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet av==18.1.0 numpy==2.4.6
SVT_LOG=1 "$folder/venv/bin/python" - <<'PYTHON'
import io
import sys

import av
import numpy as np

FRAMES = 5
QUIET = {"libx265": {"x265-params": "log-level=error"}}


def encode(codec: str) -> bytes:
    """Five grey frames in Matroska."""
    file = io.BytesIO()
    with av.open(file, "w", format="matroska") as container:
        stream = container.add_stream(codec, rate=25, options=QUIET.get(codec, {}))
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        for i in range(FRAMES):
            picture = np.full((64, 64, 3), i * 40, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return file.getvalue()


def copy(data: bytes, **options: bool) -> bytes:
    """The same packets in a new Matroska file."""
    file = io.BytesIO()
    with av.open(io.BytesIO(data)) as source, av.open(file, "w", format="matroska") as target:
        template = source.streams.video[0]
        stream = target.add_stream_from_template(template, **options)
        for packet in source.demux(template):
            if packet.size:
                packet.stream = stream
                target.mux(packet)
    return file.getvalue()


def pictures(data: bytes) -> list[bytes]:
    with av.open(io.BytesIO(data)) as container:
        return [frame.to_ndarray().tobytes() for frame in container.decode(video=0)]


def packets(data: bytes) -> int:
    with av.open(io.BytesIO(data)) as container:
        return sum(packet.size > 0 for packet in container.demux(video=0))


changed = False
for codec in ("libx264", "libx265", "libvpx-vp9", "libvpx", "libsvtav1"):
    made = encode(codec)
    with av.open(io.BytesIO(made)) as container:
        decoder = container.streams.video[0].codec_context.name
    try:
        default = f"{packets(copy(made))} packets copied"
    except av.codec.codec.UnknownCodecError as error:
        default = type(error).__name__
    opaque = copy(made, opaque=True)
    same = pictures(opaque) == pictures(made)
    print(
        f"{codec:10} decoded by {decoder:9} default: {default:22} opaque=True: {packets(opaque)} packets copied"
        + (", same pictures" if same else ", OTHER PICTURES")
    )
    changed |= (default == "UnknownCodecError") != (codec == "libsvtav1") or not same or packets(opaque) != FRAMES
sys.exit("the behaviour has changed" if changed else 0)
PYTHON
