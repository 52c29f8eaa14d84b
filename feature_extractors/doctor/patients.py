"""The videos that `doctor` inspects: from a folder, annotations or a video table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from unicodedata import normalize

from cli import UserError
from feature_extractors.doctor.media_facts import MediaFacts
from feature_extractors.fingerprints import digest_of
from feature_extractors.video_files import CONTROL, choose_all
from formats.video_table import Video

SEVERITIES = ("ok", "note", "warning", "error")
SAME_ID = "same id as"
EXIT_STATUS = {"ok": 0, "note": 0, "warning": 3, "error": 4}
"""1 and 2 mean the same as for every command: it failed, or its arguments are wrong."""


@dataclass
class Patient:
    """One video: its file, facts and findings.

    Attributes:
        folder: of the videos; the file may lie in a subfolder.
        annotated: durations in seconds that annotations or a video table give.
        video: its line in the table that `manifest` would write.
        findings: (severity, text).
    """

    vid: str
    file: Path | None
    folder: Path
    annotated: set[float] = field(default_factory=set)
    facts: MediaFacts | None = None
    video: Video | None = None
    findings: list[tuple[str, str]] = field(default_factory=list)

    def find(self, severity: str, text: str) -> None:
        """Add a finding."""
        self.findings.append((severity, text))

    @property
    def name(self) -> str:
        """The file's name, with its subfolder if it lies in one; empty if there is none."""
        return str(self.file.relative_to(self.folder)) if self.file else ""

    @property
    def sha256(self) -> str:
        """Digest of the file; empty if there is none."""
        return self.video.sha256 if self.video else ""

    @property
    def severity(self) -> str:
        """The worst severity of the findings."""
        return max((severity for severity, _ in self.findings), key=SEVERITIES.index, default="ok")


def list_folder(folder: Path) -> list[Patient]:
    """List the videos of a folder and its subfolders, as the workflow picks them, and other files that may be some.

    Raises:
        UserError: there is no such folder, or no such file in it.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder")
    patients = []
    for vid, choice in choose_all(folder).items():
        if choice.file is None:
            for file in choice.rest:
                patient = Patient(vid, file, folder)
                others = ", ".join(str(other.relative_to(folder)) for other in choice.rest if other != file)
                if others:
                    patient.find("error", f"{SAME_ID} {others}")
                patients.append(patient)
            continue
        patient = Patient(vid, choice.file, folder)
        if CONTROL.search(vid):
            patient.find("warning", "its name holds a line break or another control character: `convert` leaves it out")
        for other, reason in choice.rest.items():
            patient.find("note", f"{other.relative_to(folder)} has the same id and is ignored: {reason}")
        patients.append(patient)
    if not patients:
        raise UserError(f"{folder}: no media files")
    return patients


def list_annotated(folder: Path, durations: dict[str, set[float]]) -> list[Patient]:
    """List the videos that annotations name, and the other videos in the folder."""
    there: dict[str, list[Patient]] = {}
    for patient in list_folder(folder):
        there.setdefault(normalize("NFC", patient.vid), []).append(patient)
    patients = []
    for vid, seconds in sorted(durations.items()):
        found = (
            there.pop(normalize("NFC", vid), [])
            or _at_path(there, vid)
            or [Patient(vid, None, folder, findings=[("error", "no file for this id")])]
        )
        for patient in found:
            patient.annotated = seconds
            if len(seconds) > 1:
                patient.find("error", f"annotated with {' and '.join(f'{value:g}' for value in sorted(seconds))} s")
        patients += found
    for others in there.values():
        for patient in others:
            patient.find("note", "not in the annotations")
            patients.append(patient)
    return patients


def _at_path(there: dict[str, list[Patient]], vid: str) -> list[Patient]:
    """Take out the video that an id such as `part1/clip` names by its path in the folder."""
    for patients in there.values() if "/" in vid else []:
        for patient in patients:
            if normalize("NFC", str(Path(patient.name).with_suffix(""))) == normalize("NFC", vid):
                patients.remove(patient)
                findings = [finding for finding in patient.findings if not finding[1].startswith(SAME_ID)]
                return [Patient(vid, patient.file, patient.folder, findings=findings)]
    return []


def list_table(folder: Path, videos: Sequence[Video]) -> list[Patient]:
    """List the videos of a table; a file that has changed since is an error."""
    patients = []
    for video in videos:
        file = folder / video.file
        patient = Patient(video.vid, file if video.file and file.is_file() else None, folder, {video.duration_s})
        if patient.file is None:
            patient.find("error", f"no file {video.file!r}")
        elif digest_of(file) != video.sha256:
            patient.find("error", "the file has changed since the table was made")
        patients.append(patient)
    for patient, _ in same(patients, lambda patient: patient.vid):
        patient.find("error", "the id is in the table twice")
    return patients


def same(patients: list[Patient], key: Callable[[Patient], str]) -> Iterable[tuple[Patient, list[Patient]]]:
    """Yield each patient that shares a key with others, and the others."""
    groups: dict[str, list[Patient]] = {}
    for patient in patients:
        groups.setdefault(key(patient), []).append(patient)
    for group in groups.values():
        for patient in group:
            if len(group) > 1:
                yield patient, [other for other in group if other is not patient]
