"""The findings of `doctor`, as a table to read and as tab-separated values."""

from __future__ import annotations

from collections import Counter

from feature_extractors.doctor.media_facts import MediaFacts
from feature_extractors.doctor.patients import SEVERITIES, Patient
from feature_extractors.video_files import CONTROL


def write_tsv(patients: list[Patient]) -> str:
    """One tab-separated line per video with all facts and findings; a field is empty if it is unknown.

    Names that are not UTF-8 are escaped (`\\udce9` for the byte e9).
    """
    rows = [_row(patient, patient.facts) for patient in patients]
    lines = ["\t".join(rows[0]), *("\t".join(" ".join(value.split()) for value in row.values()) for row in rows)]
    return ("\n".join(lines) + "\n").encode(errors="backslashreplace").decode()


def _row(patient: Patient, facts: MediaFacts | None) -> dict[str, str]:
    sound, picture = (facts.sound, facts.pictures) if facts else (None, None)
    return {
        "vid": patient.vid,
        "file": patient.name,
        "severity": patient.severity,
        "duration_s": f"{facts.duration:.3f}" if facts else "",
        "annotated_s": ", ".join(f"{seconds:g}" for seconds in sorted(patient.annotated)),
        "clips": str(patient.video.n_clips) if patient.video else "",
        "fps": f"{picture.fps:.3f}" if picture else "",
        "frames": str(picture.frames) if picture else "",
        "uneven": str(picture.uneven).lower() if picture else "",
        "rotation": str(picture.rotation) if picture else "",
        "width": str(picture.width) if picture else "",
        "height": str(picture.height) if picture else "",
        "video_codec": picture.codec if picture else "",
        "pixel_format": picture.pixel_format if picture else "",
        "interlaced": str(picture.interlaced).lower() if picture else "",
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
    """A table to read: the worst videos first, one line per finding, and the count of each severity."""
    lines = []
    ordered = sorted(patients, key=lambda patient: (-SEVERITIES.index(patient.severity), patient.vid))
    width = min(40, max(len(patient.vid) for patient in patients))
    for patient in ordered:
        facts = patient.facts
        told = [f"{facts.duration:8.1f} s"] if facts else ["       -"]
        if facts and facts.pictures:
            picture = facts.pictures
            told.append(f"  {picture.fps:6.2f} fps  {picture.codec} {picture.width}x{picture.height}")
        if facts and facts.sound:
            told.append(f", {facts.sound.codec} {facts.sound.rate} Hz")
        what = "".join(told)
        lines.append(f"{patient.severity:8} {patient.vid:{width}} {what}")
        lines += [f"{'':8} {'':{width}}   {severity}: {text}" for severity, text in patient.findings]
    counts = Counter(patient.severity for patient in patients)
    lines.append(", ".join(f"{counts[severity]} {severity}" for severity in SEVERITIES) + f", {len(patients)} in total")
    return "\n".join(CONTROL.sub("?", line) for line in lines) + "\n"
