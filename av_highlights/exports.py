"""Take the ranked moments of a search to editing programs and players."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from av_highlights.report import Ranking
from cli import UserError
from cli.outputs import write_text
from eval.exchange.cuts import Cut
from eval.exchange.export import render_files
from eval.exchange.selection import Selection, select_cuts
from feature_extractors.media.footage import examine
from formats.media.footage import Footage

FOLDER, TITLE = "exports", "moments"


def write_exports(folder: Path, ranking: Ranking, formats: Sequence[str]) -> tuple[list[str], list[str]]:
    """Write the ranked moments of all queries in some formats into `folder`/exports/FORMAT, one file per video.

    Moments of one query that overlap become one.

    A format that cannot hold any of the moments does not keep the others from being written.

    Returns:
        one line per video that a format had to leave out, and one per format that had to leave out everything.

    Raises:
        UserError: a file cannot be written.
    """
    videos = {one.answer.video.resolve() for moments in ranking.values() for one in moments}
    common = Path(os.path.commonpath([video.parent for video in videos]))
    footage: dict[Path, Footage] = {}
    # Videos may have one name in several folders, or with several suffixes.
    stems = Counter(video.with_suffix("") for video in videos)
    for video in sorted(videos):
        place = video.with_suffix("") if stems[video.with_suffix("")] == 1 else video
        footage[video] = examine(common, str(place.relative_to(common)), video)
    selected: dict[str | int, list[Cut]] = {}
    for query, moments in ranking.items():
        cuts = [
            Cut(footage[one.answer.video.resolve()], one.moment.start, one.moment.end, query, one.moment.score)
            for one in moments
        ]
        of_videos = [[cut for cut in cuts if cut.footage == source] for source in footage.values()]
        selected[query] = [cut for of_video in of_videos for cut in select_cuts(of_video, Selection())]
    problems: list[str] = []
    failures: list[str] = []
    for name in dict.fromkeys(formats):
        try:
            files, left_out = render_files(name, selected, "video", TITLE, folder=common)
        except UserError as problem:
            failures.append(f"--export {name}: {problem}")
            continue
        problems += [f"--export {name}: {line}" for line in left_out]
        for file, text in files.items():
            write_text(folder / FOLDER / name / file, text)
    return problems, failures
