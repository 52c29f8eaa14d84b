"""Ask several queries about several videos, and rank the moments of each query over all of them.

python examples/compare_queries.py BUNDLE FOLDER "a siren is heard" "a dog runs"
"""

from __future__ import annotations

import sys

from av_highlights import MomentFinder, find_in_all, rank_moments


def main(bundle: str, folder: str, *queries: str) -> None:
    """Print the best three moments of each query; files that cannot be read are named."""
    found = find_in_all(MomentFinder.load(bundle), [folder], queries)
    for query, moments in rank_moments(found.answers, topk=3).items():
        print(query)
        for one in moments:
            where = f"{one.answer.video.name}, {one.moment.start:.0f} to {one.moment.end:.0f} s"
            print(f"  {one.rank}. {where}, score {one.moment.score:.3f}")
    for problem in found.problems:
        print(f"{problem.file}: {problem.cause}")


if __name__ == "__main__":
    main(*sys.argv[1:])
