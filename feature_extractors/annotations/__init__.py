"""Annotations as their authors publish them in, rows of the project's schema out.

`convert` is the one door; `tvsum`, `qvhighlights`, `charades`, `youtube` and `folder` know one source each. Rows speak
the QVHighlights schema, with two keys that mean the same in every dataset: `duration` is the seconds that whole clips
of 2 s cover, `duration_s` the seconds of the whole video.
"""

# Source, and what its files are.
SOURCES = {
    "tvsum-mat": "ydata-tvsum50.mat",
    "tvsum-tsv": "ydata-tvsum50-info.tsv ydata-tvsum50-anno.tsv",
    "qvhighlights": "highlight_train_release.jsonl and further splits",
    "charades": "charades_sta_train.txt Charades_v1_train.csv (or test)",
    "youtube": "DOMAIN.json with windows and matches by video",
    "folder": "a text file of queries",
}
