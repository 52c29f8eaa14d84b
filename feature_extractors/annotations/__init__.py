"""Convert annotations as their authors publish them to rows of the project's schema.

`convert` is the entry point; `tvsum`, `qvhighlights`, `charades`, `timelens`, `youtube` and `folder` each handle one
source; `spans` makes rows of what people labelled by hand, which `span_tables`, `via`, `label_studio` and `elan` read.

Rows follow the QVHighlights schema, with two keys that mean the same in every dataset: `duration` is the seconds that
whole clips of 2 s cover, `duration_s` the seconds of the whole video.
"""

# Each source with its files.
SOURCES = {
    "tvsum-mat": "ydata-tvsum50.mat",
    "tvsum-tsv": "ydata-tvsum50-info.tsv ydata-tvsum50-anno.tsv",
    "qvhighlights": "highlight_train_release.jsonl and further splits",
    "charades": "charades_sta_train.txt Charades_v1_train.csv (or test)",
    "timelens": "qvhighlights-timelens.json, and highlight_val_release.jsonl to keep its query ids",
    "youtube": "DOMAIN.json with windows and matches by video",
    "folder": "a text file of queries",
    "csv": "tables of moments",
    "via": "projects of VIA 3",
    "label-studio": "exports of Label Studio as JSON",
    "elan": ".eaf files of ELAN",
}
