"""Write the explorer: the page, and its data as scripts that pass JSON to a function of the page.

A page from disk may load scripts and pictures, but may not read files, so the data are scripts.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterable
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from cli.outputs import write_text

INDEX, DATA, QUERIES = "index.html", "data", "data/queries"


def write_site(folder: Path, study: dict[str, Any], queries: Iterable[dict[str, Any]]) -> int:
    """Write the page of a study into a folder, with one file per query in the order of its table.

    Returns:
        The number of bytes written.
    """
    remove_data(folder)
    (folder / QUERIES).mkdir(parents=True, exist_ok=True)
    size = 0
    for number, query in enumerate(queries):
        text = render_call("query", number, query)
        (folder / QUERIES / f"{number:05d}.js").write_text(text, encoding="ascii")
        size += len(text)
    with as_file(files("eval.explorer") / "page") as page:
        for source in sorted(path for path in page.rglob("*") if path.is_file() and path.name != INDEX):
            target = folder / DATA / "page" / source.relative_to(page)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
            size += target.stat().st_size
        text = render_call("study", study)
        write_text(folder / DATA / "study.js", text)
        # Last, so that the page is there only with all of its data.
        index = (page / INDEX).read_text(encoding="utf-8")
        write_text(folder / INDEX, index)
    return size + len(text) + len(index)


def render_call(function: str, *arguments: object) -> str:
    """A script that calls a function of the page with JSON, in ASCII. NaN is an error: it is not JSON."""
    texts = [json.dumps(one, separators=(",", ":"), allow_nan=False) for one in arguments]
    return f"explorer.{function}({','.join(texts)});\n"


def remove_data(folder: Path) -> None:
    """Remove the queries that an earlier call wrote, since there may be fewer now."""
    for path in (folder / QUERIES).glob("*.js"):
        if re.fullmatch(r"\d{5,}\.js", path.name):
            path.unlink()
