"""Addresses of files: relative, and never more than a path, whatever a file is called."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from eval.explorer.links import relative_url


@pytest.mark.parametrize(
    "name", ["a.mp4", "a b#c?d%20.mp4", "javascript:alert(1)", "//host.invalid/x", "é&\"'<>.mp4", "'"]
)
def test_a_name_stays_a_path(name: str, tmp_path: Path) -> None:
    url = relative_url(tmp_path / "videos" / name.lstrip("/"), tmp_path / "reports/explorer")
    parts = urlsplit(url)
    assert not any((parts.scheme, parts.netloc, parts.query, parts.fragment)) and not set(url) & set("\"'<>")
    assert (tmp_path / "reports/explorer" / unquote(url)).resolve() == tmp_path / "videos" / name.lstrip("/")
