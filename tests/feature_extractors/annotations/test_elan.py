"""ELAN's documents: hostile XML, and times."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli import UserError
from feature_extractors.annotations import elan

BOMB = '<!ENTITY a "aaaaaaaaaa">' + "".join(
    f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)
EAF = (
    '<ANNOTATION_DOCUMENT><HEADER TIME_UNITS="milliseconds"/><TIME_ORDER><TIME_SLOT TIME_SLOT_ID="1" TIME_VALUE="{}"/>'
    '<TIME_SLOT TIME_SLOT_ID="2" TIME_VALUE="2000"/></TIME_ORDER><TIER TIER_ID="t"><ANNOTATION><ALIGNABLE_ANNOTATION'
    ' ANNOTATION_ID="a1" TIME_SLOT_REF1="1" TIME_SLOT_REF2="{}"><ANNOTATION_VALUE>x</ANNOTATION_VALUE>'
    "</ALIGNABLE_ANNOTATION></ANNOTATION></TIER></ANNOTATION_DOCUMENT>"
)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (f"<!DOCTYPE d [{BOMB}]><d>&i;</d>", "has a document type"),
        ('<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/hostname">]><d>&x;</d>', "has a document type"),
        ('<!DOCTYPE d SYSTEM "http://example.org/d.dtd"><d/>', "has a document type"),
        ("<d>&x;</d>", "not XML: undefined entity"),
        ("<d>", "not XML: no element found"),
        ("", "not XML: no element found"),
        ("<d>\x00</d>", "not XML"),
        ('<?xml version="1.0" encoding="nonsense"?><d/>', "not XML: unknown encoding"),
        ("<html/>", "not an ELAN file: begins with <html>"),
        ('<ANNOTATION_DOCUMENT><HEADER TIME_UNITS="PAL-frames"/></ANNOTATION_DOCUMENT>', "times must be milliseconds"),
        (EAF.format("1.5", "2"), "tier 't': annotation a1: a time must be whole milliseconds, got '1.5'"),
        (EAF.format("-5", "2"), "tier 't': annotation a1: a time must be whole milliseconds, got '-5'"),
        (EAF.format("99999999999", "2"), "tier 't': annotation a1: a time must be 0 to 86400 seconds"),
        (EAF.format("0", "3"), "tier 't': annotation a1: there is no time slot '3'"),
    ],
)
def test_hostile_and_malformed_xml_is_refused(content: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "d.eaf"
    path.write_text(content)
    with pytest.raises(UserError, match=rf"d\.eaf: {message}") as told:
        list(elan.read_spans(path, lambda name: False))
    assert "\n" not in str(told.value)


def test_an_annotation_without_a_time_is_left_out_and_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "d.eaf"
    path.write_text(EAF.format("0", "2").replace(' TIME_VALUE="0"', ""))
    assert list(elan.read_spans(path, lambda name: False)) == []
    assert "d.eaf: 1 annotations have no time of their own, left out" in caplog.text


def test_times_of_elan_count_from_the_origin_of_the_video(tmp_path: Path) -> None:
    path = tmp_path / "d.eaf"
    media = '<HEADER TIME_UNITS="milliseconds"><MEDIA_DESCRIPTOR MEDIA_URL="file:///x/s.wav"/>'
    media += '<MEDIA_DESCRIPTOR MEDIA_URL="file:///x/v.mp4" TIME_ORIGIN="1500"/></HEADER>'
    path.write_text(EAF.format("500", "2").replace('<HEADER TIME_UNITS="milliseconds"/>', media))
    (span,) = elan.read_spans(path, lambda name: name.endswith("v.mp4"))
    assert (span.video, span.query, span.start, span.end) == ("file:///x/v.mp4", "x", 2.0, 3.5)
