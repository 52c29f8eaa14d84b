"""Annotations and tables are compared with the files that they name."""

from __future__ import annotations

import shutil
from pathlib import Path

from feature_extractors.doctor.examination import examine as examine_patients
from feature_extractors.doctor.patients import list_annotated, list_table
from feature_extractors.media import probe
from formats.grid import ClipGrid
from tests.feature_extractors.made_media import steady, write_media

CLIPS = ClipGrid()


def test_annotations_and_tables_are_held_against_the_files(tmp_path: Path) -> None:
    for vid, seconds in (("long", 9.0), ("short", 4.0), ("extra", 5.0)):
        write_media(tmp_path / f"{vid}.mp4", steady(seconds))
    patients = list_annotated(tmp_path, {"long": {6.0}, "short": {8.0}, "gone": {4.0}})
    examine_patients(patients, CLIPS, decode=False)
    described = {patient.vid: [item for item in patient.findings if item[1] != "no sound"] for patient in patients}
    assert described == {
        "gone": [("error", "no file for this id")],
        "long": [("note", "annotated with 6 s, but 9.0 s long")],
        "short": [("error", "annotated with 8 s, but 4.0 s long: 2 clips missing")],
        "extra": [("note", "not in the annotations")],
    }
    table = [probe(tmp_path, tmp_path / f"{vid}.mp4", CLIPS) for vid in ("long", "short")]
    shutil.copy(tmp_path / "extra.mp4", tmp_path / "short.mp4")
    (tmp_path / "long.mp4").unlink()
    listed = {patient.vid: patient.findings for patient in list_table(tmp_path, [*table, table[1]])}
    assert listed["long"] == [("error", "no file 'long.mp4'")]
    assert listed["short"] == [
        ("error", "the file has changed since the table was made"),
        ("error", "the id is in the table twice"),
    ]
