"""Inspect media before a long run: the facts of each file, and anything unusual, by severity."""

from __future__ import annotations

from collections.abc import Iterable

from cli import track
from feature_extractors.doctor.media_facts import MediaFacts, NoVideo, PictureFacts, SoundFacts, inspect_media
from feature_extractors.doctor.patients import SEVERITIES, Patient, same
from feature_extractors.media import examine as examine_video
from feature_extractors.media.faults import raise_if_of_machine, unforeseen
from feature_extractors.media.probing import CUT_OFF
from formats.grid import ClipGrid
from formats.video_table import Video

NO_PICTURE = ("warning", "sound alone, without pictures: only streams of sound have features of it")


def examine(patients: list[Patient], clips: ClipGrid, decode: bool) -> None:
    """Inspect every file and add the findings. `manifest` decides whether and for how long a file gives features."""
    for patient in track(patients, "doctor"):
        if patient.file is None:
            continue
        patient.video = examine_video(patient.folder, patient.vid, patient.file, "", clips)
        if patient.video.problem:
            lost = not patient.video.n_clips or CUT_OFF in patient.video.problem
            patient.find("error" if lost else "warning", patient.video.problem)
        if not patient.video.n_clips:
            continue
        try:
            patient.facts = inspect_media(patient.file, decode)
        except NoVideo as problem:
            patient.find("error", str(problem))
            continue
        except Exception as problem:
            raise_if_of_machine(problem, patient.file)
            patient.find("error", unforeseen(problem))
            continue
        pictures = _picture(patient.facts.pictures) if patient.facts.pictures else [NO_PICTURE]
        for severity, text in [*pictures, *_clock(patient.facts), *_sound(patient.facts, clips)]:
            patient.find(severity, text)
        for severity, text in _length(patient.facts, patient.video, patient.annotated, clips):
            patient.find(severity, text)
    for patient, others in same([one for one in patients if one.sha256], lambda patient: patient.sha256):
        patient.find("warning", f"the same content as {', '.join(other.vid for other in others)}")


def _picture(facts: PictureFacts) -> Iterable[tuple[str, str]]:
    for text in facts.notes:
        yield "note", text
    if facts.uneven:
        low, high = facts.steps
        yield "note", f"variable frame rate: {low * 1000:.0f} to {high * 1000:.0f} ms between frames"
    if facts.steps[1] > 2:
        yield "warning", f"a picture stays on screen for {facts.steps[1]:.1f} s"
    if facts.mirrored:
        yield "note", "will be mirrored"
    elif facts.rotation:
        yield "note", f"will be rotated by {facts.rotation} degrees"
    if facts.interlaced:
        yield "note", "interlaced"
    if facts.pixel_format not in ("yuv420p", "yuvj420p", "nv12"):
        yield "note", f"pixels are {facts.pixel_format}"
    if facts.width % 2 or facts.height % 2:
        yield "note", f"odd size {facts.width} x {facts.height}"


def _clock(facts: MediaFacts) -> Iterable[tuple[str, str]]:
    if abs(facts.start) > 0.1:
        yield "note", f"second 0 is at {facts.start:.2f} s on the file's clock"


def _sound(facts: MediaFacts, clips: ClipGrid) -> Iterable[tuple[str, str]]:
    if facts.silent_streams:
        yield "warning", f"{facts.silent_streams} audio streams without any sound in them"
    if not facts.sounds:
        yield "note", "no sound"
        return
    if facts.sound is None:
        yield "warning", "the audio stream in use (the default, or else the first) holds no sound"
        return
    first = facts.sound
    if len(facts.sounds) > 1:
        yield "note", f"{len(facts.sounds)} audio streams; number {facts.sounds.index(first) + 1} is used"
    if facts.pictures is not None:
        yield from _offset(facts.pictures.lead, first, facts.duration, clips)
    if 0 < first.rate < 16_000:  # 0: unknown until it is decoded
        yield "note", f"sound of {first.rate} Hz"
    if first.channels > 2:
        yield "note", f"sound of {first.channels} channels"


def _offset(lead: float, first: SoundFacts, duration: float, clips: ClipGrid) -> Iterable[tuple[str, str]]:
    """Where sound begins and ends, next to the picture."""
    ahead = lead - first.start
    if lead:
        severity = "warning" if lead > clips.seconds / 2 else "note"
        yield (
            severity,
            f"the picture starts {ahead:.2f} s after the sound; second 0 is the start of the sound, as in players",
        )
    elif abs(ahead) > 0.1:
        severity = "warning" if -ahead > clips.seconds / 2 else "note"
        yield severity, f"sound starts {abs(ahead):.2f} s {'after' if ahead < 0 else 'before'} the picture"
    if first.end < duration - clips.seconds / 2:
        yield "warning", f"sound ends {duration - first.end:.1f} s before the picture"
    elif first.end > duration + 1:
        yield "note", f"sound continues {first.end - duration:.1f} s after the picture"


def _length(facts: MediaFacts, video: Video, annotated: set[float], clips: ClipGrid) -> Iterable[tuple[str, str]]:
    if facts.undecodable > 0:
        yield "warning", f"{facts.undecodable} frames or packets that cannot be decoded"
    if clips.is_shorter(video.duration_s):
        yield "warning", f"shorter than one clip: {video.duration_s:.2f} s"
    for seconds in annotated:
        labelled, there = clips.count(seconds), video.n_clips
        if labelled > there:
            yield (
                "error",
                f"annotated with {seconds:g} s, but {video.duration_s:.1f} s long: {labelled - there} clips missing",
            )
        elif labelled < there:
            yield "note", f"annotated with {seconds:g} s, but {video.duration_s:.1f} s long"


def worst(patients: Iterable[Patient]) -> str:
    """The worst severity of all patients."""
    return max((patient.severity for patient in patients), key=SEVERITIES.index, default="ok")
