"""Draw how much of a highlight each clip of a video is, without any query.

python examples/highlight_curve.py BUNDLE VIDEO curve.png
"""

from __future__ import annotations

import sys

from av_highlights import MomentFinder


def main(bundle: str, video: str, picture: str) -> None:
    """Print the best clip, save the curve, and say how far the gates of each layer open."""
    (answer,) = MomentFinder.load(bundle).find(video)
    best = answer.saliency.argmax()
    start, end = answer.times[best]
    print(f"{len(answer.saliency)} clips; the best is {start:.0f} to {end:.0f} s")
    for number, layer in enumerate(answer.gates, start=1):
        print(f"layer {number}: audio gate {layer.mha.mean():.3f}, feed-forward gate {layer.ffn.mean():+.3f}")
    answer.plot(picture)


if __name__ == "__main__":
    main(*sys.argv[1:])
