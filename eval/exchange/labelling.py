"""Projects of labelling programs, to correct predictions by hand: VIA 3 and Label Studio."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from eval.exchange.cuts import Timeline, constant_rate, show_rate
from eval.exchange.names import one_line

VIDEO, SELECT, LOCAL, URI_FILE = 4, 4, 1, 3
"""VIA's numbers: kind of file; kind of attribute; where the file is."""
CONTROL, OBJECT = "moments", "video"
"""Names of the tags in the labelling interface of Label Studio."""


def write_via(timeline: Timeline) -> str:
    """Write a project of the VGG video annotator, VIA 3: one view per video, one temporal segment per cut.

    The attribute `query` is a list of all queries to choose from.
    """
    sources = timeline.sources()
    numbers = {source.vid: str(number) for number, source in enumerate(sources, start=1)}
    queries = list(dict.fromkeys(one_line(cut.label) for cut in timeline.cuts))
    options = {str(number): query for number, query in enumerate(queries, start=1)}
    keys = {query: key for key, query in options.items()}
    views = list(numbers.values())
    project = {
        "pid": "__VIA_PROJECT_ID__",
        "rev": "__VIA_PROJECT_REV_ID__",
        "rev_timestamp": "__VIA_PROJECT_REV_TIMESTAMP__",
        "pname": one_line(timeline.title),
        "creator": "av-highlights",
        "created": 0,
        "data_format_version": "3.1.1",
        "vid_list": views,
    }
    attribute = {
        "aname": "query",
        "anchor_id": "FILE1_Z2_XY0",  # a temporal segment of one file
        "type": SELECT,
        "desc": "",
        "options": options,
        "default_option_id": "",
    }
    prefix = "" if timeline.folder is None else f"{timeline.folder.resolve().as_uri()}/"
    files = {
        numbers[source.vid]: {
            "fid": numbers[source.vid],
            "fname": source.file,
            "type": VIDEO,
            "loc": URI_FILE if prefix else LOCAL,
            "src": quote(source.file) if prefix else "",  # VIA joins it to the prefix: a URL
        }
        for source in sources
    }
    interface = {
        "file_content_align": "center",
        "file_metadata_editor_visible": True,
        "spatial_metadata_editor_visible": True,
        "temporal_segment_metadata_editor_visible": True,
        "spatial_region_label_attribute_id": "",
        "gtimeline_visible_row_count": "4",
    }
    metadata = {
        f"{numbers[cut.footage.vid]}_{number:08d}": {
            "vid": numbers[cut.footage.vid],
            "flg": 0,
            "z": [round(cut.start, 6), round(cut.end, 6)],
            "xy": [],
            "av": {"1": keys[one_line(cut.label)]},
        }
        for number, cut in enumerate(timeline.cuts, start=1)
    }
    content = {
        "project": project,
        "config": {"file": {"loc_prefix": {"1": "", "2": "", "3": prefix, "4": ""}}, "ui": interface},
        "attribute": {"1": attribute},
        "file": files,
        "metadata": metadata,
        "view": {number: {"fid_list": [number]} for number in views},
    }
    return json.dumps(content, ensure_ascii=False) + "\n"


def write_label_studio(timeline: Timeline) -> str:
    """Write tasks of Label Studio: one per video, with the cuts as pre-annotations of a timeline.

    Label Studio counts frames from 1, the last one included, and must be told the rate: `fps` of each task.

    Raises:
        UserError: no constant frame rate.
    """
    tasks: list[dict[str, Any]] = []
    for source in timeline.sources():
        results = []
        for number, cut in enumerate((cut for cut in timeline.cuts if cut.footage == source), start=1):
            first, stop = cut.frames()
            value = {"ranges": [{"start": first + 1, "end": stop}], "timelinelabels": [one_line(cut.label)]}
            score = {} if cut.score is None else {"score": cut.score}
            tags = {"from_name": CONTROL, "to_name": OBJECT, "type": "timelinelabels"}
            results.append({"id": f"moment{number}", **tags, "value": value, **score})
        data = {"video": source.file, "vid": source.vid, "fps": float(show_rate(constant_rate(source)))}
        kind = "annotations" if all(cut.score is None for cut in timeline.cuts) else "predictions"
        version = {} if kind == "annotations" else {"model_version": "av-highlights"}
        tasks.append({"data": data, kind: [{**version, "result": results}]})
    return json.dumps(tasks, ensure_ascii=False, indent=2) + "\n"
