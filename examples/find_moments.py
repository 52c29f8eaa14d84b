"""Find the moments of one video that fit a query.

python examples/find_moments.py BUNDLE VIDEO "a siren is heard"
"""

from __future__ import annotations

import sys

from av_highlights import MomentFinder


def main(bundle: str, video: str, query: str) -> None:
    """Print the best five moments, and how far the audio gates open in each."""
    finder = MomentFinder.load(bundle)
    (answer,) = finder.find(video, [query])
    if answer.warning:
        print(f"Warning: {answer.warning}")
    for rank, moment in enumerate(answer.moments[:5], start=1):
        gate = answer.mean_gate(moment)
        heard = "no gate or no sound" if gate is None else f"audio gate {gate:.2f}"
        print(f"{rank}. {moment.start:.1f} to {moment.end:.1f} s, score {moment.score:.3f}, {heard}")


if __name__ == "__main__":
    main(*sys.argv[1:])
