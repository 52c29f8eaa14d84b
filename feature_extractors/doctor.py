"""Look at media before a night's run: what each file is, and what about it is odd, by severity."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cli import UserError, track
from feature_extractors.decode import examine as examine_video
from feature_extractors.decode.probe import CUT_OFF
from feature_extractors.faults import raise_if_of_machine, unforeseen
from feature_extractors.fetch import digest_of
from feature_extractors.manifest import NO_VIDEO, ClipConfig, Video
from feature_extractors.media_facts import MediaFacts, NoVideo, inspect_media

SEVERITIES = ("ok", "note", "warning", "error")
EXIT_STATUS = {"ok": 0, "note": 0, "warning": 3, "error": 4}
"""1 and 2 are those of every command: it could not be run, wrong arguments."""


@dataclass
class Patient:
    """One video: its file, what it is, and what was found.

    Attributes:
        annotated: durations in seconds that annotations or a video table give.
        video: what `manifest` would write of it.
        findings: (severity, text).
    """

    vid: str
    file: Path | None
    annotated: set[float] = field(default_factory=set)
    facts: MediaFacts | None = None
    video: Video | None = None
    findings: list[tuple[str, str]] = field(default_factory=list)

    def find(self, severity: str, text: str) -> None:
        """Add a finding."""
        self.findings.append((severity, text))

    @property
    def sha256(self) -> str:
        """Of the file; empty without one."""
        return self.video.sha256 if self.video else ""

    @property
    def severity(self) -> str:
        """The worst of the findings."""
        return max((severity for severity, _ in self.findings), key=SEVERITIES.index, default="ok")


def list_folder(folder: Path) -> list[Patient]:
    """All files of a folder but those that lie beside videos by their ending, and hidden ones.

    Raises:
        UserError: no such folder, or no such file in it.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder")
    files = sorted(path for path in folder.iterdir() if path.is_file())
    kept = [path for path in files if not NO_VIDEO.fullmatch(path.suffix) and not path.name.startswith(".")]
    if not kept:
        raise UserError(f"{folder}: no media files")
    patients = [Patient(path.stem, path) for path in kept]
    for patient, others in _same(patients, lambda patient: patient.vid):
        names = ", ".join(other.file.name for other in others if other.file)
        patient.find("error", f"the id is also that of {names}")
    return patients


def list_annotated(folder: Path, durations: dict[str, set[float]]) -> list[Patient]:
    """The videos that annotations name, and what else lies in the folder."""
    there: dict[str, list[Patient]] = {}
    for patient in list_folder(folder):
        there.setdefault(patient.vid, []).append(patient)
    patients = []
    for vid, seconds in sorted(durations.items()):
        found = there.pop(vid, []) or [Patient(vid, None, findings=[("error", "no file for this id")])]
        for patient in found:
            patient.annotated = seconds
            if len(seconds) > 1:
                patient.find("error", f"annotated with {' and '.join(f'{value:g}' for value in sorted(seconds))} s")
        patients += found
    for others in there.values():
        for patient in others:
            patient.find("note", "in no annotation")
            patients.append(patient)
    return patients


def list_table(folder: Path, videos: Sequence[Video]) -> list[Patient]:
    """The videos of a table; a file that changed since is an error."""
    patients = []
    for video in videos:
        file = folder / video.file
        patient = Patient(video.vid, file if video.file and file.is_file() else None, {video.duration_s})
        if patient.file is None:
            patient.find("error", f"no file {video.file!r}")
        elif digest_of(file) != video.sha256:
            patient.find("error", "the file is another than when the table was made")
        patients.append(patient)
    for patient, _ in _same(patients, lambda patient: patient.vid):
        patient.find("error", "the id is in the table twice")
    return patients


def examine(patients: list[Patient], clips: ClipConfig, decode: bool) -> None:
    """Look at every file and add what is found; whether and for how long it gives features is what `manifest` says."""
    for patient in track(patients, "doctor"):
        if patient.file is None:
            continue
        patient.video = examine_video(patient.file.parent, patient.vid, patient.file, "", clips)
        if patient.video.problem:
            lost = not patient.video.n_clips or CUT_OFF in patient.video.problem
            patient.find("error" if lost else "warning", patient.video.problem)
        if not patient.video.n_clips:
            continue
        try:
            patient.facts = inspect_media(patient.file, decode, patient.video.start_s)
        except NoVideo as problem:
            patient.find("error", str(problem))
            continue
        except Exception as problem:
            raise_if_of_machine(problem, patient.file)
            patient.find("error", unforeseen(problem))
            continue
        for severity, text in [*_picture(patient.facts), *_sound(patient.facts, clips)]:
            patient.find(severity, text)
        for severity, text in _length(patient.facts, patient.video, patient.annotated, clips):
            patient.find(severity, text)
    for patient, others in _same([one for one in patients if one.sha256], lambda patient: patient.sha256):
        patient.find("warning", f"the same content as {', '.join(other.vid for other in others)}")


def _same(patients: list[Patient], key: Callable[[Patient], str]) -> Iterable[tuple[Patient, list[Patient]]]:
    """Those that share a key with others, and the others."""
    groups: dict[str, list[Patient]] = {}
    for patient in patients:
        groups.setdefault(key(patient), []).append(patient)
    for group in groups.values():
        for patient in group:
            if len(group) > 1:
                yield patient, [other for other in group if other is not patient]


def _picture(facts: MediaFacts) -> Iterable[tuple[str, str]]:
    if facts.uneven:
        low, high = facts.steps
        yield "note", f"variable frame rate: {low * 1000:.0f} to {high * 1000:.0f} ms between frames"
    if facts.steps[1] > 2:
        yield "warning", f"a picture stays for {facts.steps[1]:.1f} s"
    if facts.mirrored:
        yield "note", "to be mirrored"
    elif facts.rotation:
        yield "note", f"to be turned by {facts.rotation} degrees"
    if facts.interlaced:
        yield "note", "interlaced"
    if facts.pixel_format not in ("yuv420p", "yuvj420p", "nv12"):
        yield "note", f"pixels are {facts.pixel_format}"
    if facts.width % 2 or facts.height % 2:
        yield "note", f"odd size {facts.width} x {facts.height}"
    if abs(facts.start) > 0.1:
        yield "note", f"the first frame is at {facts.start:.2f} s of the file's clock"


def _sound(facts: MediaFacts, clips: ClipConfig) -> Iterable[tuple[str, str]]:
    if facts.silent_streams:
        yield "warning", f"{facts.silent_streams} audio streams without any sound in them"
    if not facts.sounds:
        yield "note", "no sound"
        return
    if facts.sound is None:
        yield "warning", "the audio stream that is used (the default, or else the first) holds no sound"
        return
    first = facts.sound
    if len(facts.sounds) > 1:
        yield "note", f"{len(facts.sounds)} audio streams, of which number {facts.sounds.index(first) + 1} is used"
    if abs(first.start) > 0.1:
        severity = "warning" if first.start > clips.seconds / 2 else "note"
        yield severity, f"sound starts {abs(first.start):.2f} s {'after' if first.start > 0 else 'before'} the picture"
    if first.end < facts.duration - clips.seconds / 2:
        yield "warning", f"sound ends {facts.duration - first.end:.1f} s before the picture"
    elif first.end > facts.duration + 1:
        yield "note", f"sound goes on {first.end - facts.duration:.1f} s after the picture"
    if 0 < first.rate < 16_000:  # 0: not known before it is decoded
        yield "note", f"sound of {first.rate} Hz"
    if first.channels > 2:
        yield "note", f"sound of {first.channels} channels"


def _length(facts: MediaFacts, video: Video, annotated: set[float], clips: ClipConfig) -> Iterable[tuple[str, str]]:
    if facts.undecodable > 0:
        yield "warning", f"{facts.undecodable} frames or packets that cannot be decoded"
    if clips.is_shorter(video.duration_s):
        yield "warning", f"shorter than one clip: {video.duration_s:.2f} s"
    for seconds in annotated:
        labelled, there = clips.count(seconds), video.n_clips
        if labelled > there:
            yield (
                "error",
                f"annotated with {seconds:g} s, but {facts.duration:.1f} s long: {labelled - there} clips lack",
            )
        elif labelled < there:
            yield "note", f"annotated with {seconds:g} s, but {facts.duration:.1f} s long"


def worst(patients: Iterable[Patient]) -> str:
    """The worst severity of all."""
    return max((patient.severity for patient in patients), key=SEVERITIES.index, default="ok")


def write_tsv(patients: list[Patient]) -> str:
    """One line a video with all that is known, tab-separated; empty where nothing is known.

    Names that are no UTF-8 are escaped (`\\udce9` for the byte e9).
    """
    rows = [_row(patient, patient.facts) for patient in patients]
    lines = ["\t".join(rows[0]), *("\t".join(" ".join(value.split()) for value in row.values()) for row in rows)]
    return ("\n".join(lines) + "\n").encode(errors="backslashreplace").decode()


def _row(patient: Patient, facts: MediaFacts | None) -> dict[str, str]:
    sound = facts.sound if facts else None
    return {
        "vid": patient.vid,
        "file": patient.file.name if patient.file else "",
        "severity": patient.severity,
        "duration_s": f"{facts.duration:.3f}" if facts else "",
        "annotated_s": ", ".join(f"{seconds:g}" for seconds in sorted(patient.annotated)),
        "clips": str(patient.video.n_clips) if patient.video else "",
        "fps": f"{facts.fps:.3f}" if facts else "",
        "frames": str(facts.frames) if facts else "",
        "uneven": str(facts.uneven).lower() if facts else "",
        "rotation": str(facts.rotation) if facts else "",
        "width": str(facts.width) if facts else "",
        "height": str(facts.height) if facts else "",
        "video_codec": facts.codec if facts else "",
        "pixel_format": facts.pixel_format if facts else "",
        "interlaced": str(facts.interlaced).lower() if facts else "",
        "container": facts.container if facts else "",
        "audio_streams": str(len(facts.sounds) + facts.silent_streams) if facts else "",
        "audio_codec": sound.codec if sound else "",
        "audio_hz": str(sound.rate) if sound else "",
        "audio_channels": str(sound.channels) if sound else "",
        "audio_start_s": f"{sound.start:.3f}" if sound else "",
        "audio_end_s": f"{sound.end:.3f}" if sound else "",
        "sha256": patient.sha256,
        "findings": "; ".join(f"{severity}: {text}" for severity, text in patient.findings),
    }


def write_table(patients: list[Patient]) -> str:
    """A table to read: the worst first, one line a finding, and the counts of each severity."""
    lines = []
    ordered = sorted(patients, key=lambda patient: (-SEVERITIES.index(patient.severity), patient.vid))
    width = min(40, max(len(patient.vid) for patient in patients))
    for patient in ordered:
        facts = patient.facts
        sound = f", {facts.sound.codec} {facts.sound.rate} Hz" if facts and facts.sound else ""
        what = (
            f"{facts.duration:8.1f} s  {facts.fps:6.2f} fps  {facts.codec} {facts.width}x{facts.height}{sound}"
            if facts
            else "       -"
        )
        lines.append(f"{patient.severity:8} {patient.vid:{width}} {what}")
        lines += [f"{'':8} {'':{width}}   {severity}: {text}" for severity, text in patient.findings]
    counts = Counter(patient.severity for patient in patients)
    lines.append(", ".join(f"{counts[severity]} {severity}" for severity in SEVERITIES) + f", {len(patients)} in all")
    return "\n".join(lines) + "\n"
