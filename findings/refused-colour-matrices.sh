#!/usr/bin/env bash
# Some colour matrix tags make a readable frame impossible to convert to RGB.
#
# Believed: `frame.to_ndarray(format="rgb24")` works on every frame that decodes (the common reading of PyAV's examples), because
#   colour tags only describe pixels, and because earlier versions did not even look at them.
# Version: av==18.1.0 (FFmpeg 8.1, libswscale 9.5), compared with av==15.1.0 (FFmpeg 7.1, libswscale 8.3).
# Seen: the H.264 streams below differ in the tag of their colour matrix alone. All of them decode. With 18.1.0, the conversion to
#   RGB raises OSError 95 for matrices that H.273 defines but libswscale does not know: YCgCo, BT.2020 with constant luminance,
#   ICtCp, SMPTE 2085 and those derived from chromaticities. No value of primaries or transfer does that. 15.1.0 converts all of
#   them, as if each were BT.601: even BT.709, which 18.1.0 converts by its own matrix, so the pixels differ between versions.
# Output:
#   colormatrix smpte170m          15.1.0: [199, 38, 88]   18.1.0: [199, 38, 88]
#   colormatrix bt709              15.1.0: [199, 38, 88]   18.1.0: [213, 57, 88]
#   colormatrix bt2020nc           15.1.0: [199, 38, 88]   18.1.0: [205, 49, 88]
#   colormatrix YCgCo              15.1.0: [199, 38, 88]   18.1.0: OSError 95
#   colormatrix bt2020c            15.1.0: [199, 38, 88]   18.1.0: OSError 95
#   colormatrix ICtCp              15.1.0: [199, 38, 88]   18.1.0: OSError 95
#   colormatrix smpte2085          15.1.0: [199, 38, 88]   18.1.0: OSError 95
#   colormatrix chroma-derived-nc  15.1.0: [199, 38, 88]   18.1.0: OSError 95
#   colorprim bt709                15.1.0: [199, 38, 88]   18.1.0: [199, 38, 88]
#   colorprim bt470m               15.1.0: [199, 38, 88]   18.1.0: [199, 38, 88]
#   colorprim film                 15.1.0: [199, 38, 88]   18.1.0: [199, 38, 88]
#   colorprim smpte428             15.1.0: [199, 38, 88]   18.1.0: [199, 38, 88]
#   colorprim smpte432             15.1.0: [199, 38, 88]   18.1.0: [199, 38, 88]
#   transfer bt709                 15.1.0: [199, 38, 88]   18.1.0: [199, 38, 88]
#   transfer log100                15.1.0: [199, 38, 88]   18.1.0: [199, 38, 88]
#   transfer smpte2084             15.1.0: [199, 38, 88]   18.1.0: [199, 38, 88]
#   transfer smpte428              15.1.0: [199, 38, 88]   18.1.0: [199, 38, 88]
#   transfer arib-std-b67          15.1.0: [199, 38, 88]   18.1.0: [199, 38, 88]
# Why it matters: one file among thousands with such a tag stops a feature extraction, after it has decoded without an
#   error; and features of ordinary BT.709 videos change with an upgrade. Replace `frame.colorspace` before converting.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat >"$folder/convert.py" <<'PYTHON'
import io
import json

import av
import numpy as np

TAGS = {
    "colormatrix": ["smpte170m", "bt709", "bt2020nc", "YCgCo", "bt2020c", "ICtCp", "smpte2085", "chroma-derived-nc"],
    "colorprim": ["bt709", "bt470m", "film", "smpte428", "smpte432"],
    "transfer": ["bt709", "log100", "smpte2084", "smpte428", "arib-std-b67"],
}


def convert(parameter: str, tag: str) -> list[int] | str:
    """RGB of one pixel of a frame that has the tag, or the error."""
    file = io.BytesIO()
    with av.open(file, "w", format="matroska") as container:
        stream = container.add_stream("libx264", rate=25, options={"x264-params": f"{parameter}={tag}"})
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        picture = np.full((64, 64, 3), (200, 40, 90), np.uint8)
        container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    with av.open(io.BytesIO(file.getvalue())) as container:
        frame = next(container.decode(video=0))
    try:
        return frame.to_ndarray(format="rgb24")[0, 0].tolist()
    except OSError as error:
        return f"OSError {error.errno}"


print(json.dumps({f"{parameter} {tag}": convert(parameter, tag) for parameter, tags in TAGS.items() for tag in tags}))
PYTHON
for version in 15.1.0 18.1.0; do
    python3 -m venv "$folder/$version"
    "$folder/$version/bin/pip" install --quiet "av==$version" numpy==2.4.6
    "$folder/$version/bin/python" "$folder/convert.py" >"$folder/$version.json"
done
python3 - "$folder/15.1.0.json" "$folder/18.1.0.json" <<'PYTHON'
import json
import sys
from pathlib import Path

old, new = (json.loads(Path(name).read_text()) for name in sys.argv[1:])
for tag in new:
    print(f"{tag:30} 15.1.0: {old[tag]!s:15} 18.1.0: {new[tag]}")
refused = {tag for tag, result in new.items() if result == "OSError 95"}
names = ("YCgCo", "bt2020c", "ICtCp", "smpte2085", "chroma-derived-nc")
held = (
    refused == {f"colormatrix {name}" for name in names}
    and len({str(old[tag]) for tag in old if "colormatrix" in tag}) == 1
    and new["colormatrix bt709"] != old["colormatrix bt709"]
)
sys.exit(0 if held else "the behaviour has changed")
PYTHON
