"""What `import av_highlights` offers, without loading it."""

from __future__ import annotations

import inspect

import pytest

import av_highlights


def test_every_name_is_there_and_documented() -> None:
    for name in av_highlights.__all__:
        assert inspect.getdoc(getattr(av_highlights, name)), name
    assert dir(av_highlights) == sorted(av_highlights.__all__)


def test_other_names_are_not() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Finder'"):
        av_highlights.Finder  # noqa: B018
