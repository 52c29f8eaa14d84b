"""Names for other programs, made of ids that may hold anything."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.exchange.names import LONGEST_NAME, file_names, file_url, one_line, reel_names

TEXTS = st.lists(st.text(), unique=True, max_size=20)


@given(TEXTS)
def test_files_lie_in_their_folder_and_have_different_names(texts: list[str]) -> None:
    names = file_names(texts)
    assert list(names) == texts and len({name.casefold() for name in names.values()}) == len(texts)
    for name in names.values():
        assert not re.search(r'[<>:"/\\|?*\x00-\x1f\x7f]|^[. ]|[. ]$|^$', name)
        assert len(name.encode()) <= LONGEST_NAME + 10
        assert (Path("/out") / name).resolve().parent == Path("/out")


@pytest.mark.parametrize("name", ["..", "../../etc/passwd", "/etc/passwd", ".hidden", "", "a/b", "a\\b", "a\nb", "\0"])
def test_hostile_ids_become_plain_names(name: str) -> None:
    assert re.fullmatch(r"\w[\w.-]*", file_names([name])[name])


@pytest.mark.parametrize("name", ["a b", "é b (1)", "a  b", "日本", "a.b", "v=1&w", "a'b"])
def test_names_of_videos_are_kept(name: str) -> None:
    assert file_names([name])[name] == name


def test_names_that_would_be_equal_are_numbered() -> None:
    assert file_names(["a/b", "a_b", "A_B", "é", "e"]) == {
        "a/b": "a_b",
        "a_b": "a_b_2",
        "A_B": "A_B_3",
        "é": "é",
        "e": "e",
    }


@given(TEXTS)
def test_reels_have_eight_plain_characters(texts: list[str]) -> None:
    reels = list(reel_names(texts).values())
    assert len(set(reels)) == len(texts)
    assert all(re.fullmatch("[A-Z0-9_]{1,8}", reel) and reel not in ("AX", "BL", "NONE") for reel in reels)


def test_reels_keep_what_they_can() -> None:
    assert reel_names(["demo_053", "demo_0531", "ax", "日本"]) == {
        "demo_053": "DEMO_053",
        "demo_0531": "DEMO_0_2",
        "ax": "AX_2",
        "日本": "REEL",
    }


@given(st.text())
def test_one_line_is_one_line_that_xml_can_hold(text: str) -> None:
    line = one_line(text)
    assert line == " ".join(line.split()) and len(f"{line}x".splitlines()) == 1
    element = ElementTree.Element("a")
    element.text = line
    assert (ElementTree.fromstring(ElementTree.tostring(element, encoding="utf-8")).text or "") == line


def test_urls_are_escaped_and_absolute_if_the_folder_is_known() -> None:
    assert file_url(Path("/media"), "sub/a b#?.mp4") == "file:///media/sub/a%20b%23%3F.mp4"
    assert file_url(None, "sub/a b#?.mp4") == "sub/a%20b%23%3F.mp4"
