"""Pages of Snakemake's report: tables, settings and software as HTML, which a browser shows instead of saving.

A page stands alone: the report holds it as one file, without anything beside it. All text is escaped, so no name of a
video, run or query becomes markup, and no page has links or scripts.
"""

from __future__ import annotations

import csv
import html
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from cli import UserError

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ font: 14px/1.45 system-ui, sans-serif; color: #1f2328; background: #fff; margin: 1.25rem; }}
h1 {{ font-size: 1.3rem; }}
h2 {{ font-size: 1.05rem; margin-top: 1.6rem; }}
p, li {{ max-width: 50rem; }}
table {{ border-collapse: collapse; margin: 0.8rem 0; font-variant-numeric: tabular-nums; }}
th, td {{ border-bottom: 1px solid #d0d7de; padding: 0.25rem 0.75rem 0.25rem 0; text-align: left; }}
td {{ vertical-align: top; }}
td:first-child {{ white-space: nowrap; }}
th {{ border-bottom: 2px solid #8c959f; }}
.right {{ text-align: right; }}
pre {{ white-space: pre-wrap; overflow-wrap: anywhere; font: 13px/1.5 ui-monospace, monospace; }}
</style>
</head>
<body>
{body}
</body>
</html>
"""
# Code, a link or picture (of which the words stay), strong and emphasised text, as our tables write them.
_INLINE = re.compile(r"`(?P<code>[^`]*)`|!?\[(?P<link>[^\]]*)\]\([^)]*\)|\*\*(?P<strong>[^*]+)\*\*|\*(?P<em>[^*]+)\*")


def render_page(title: str, body: Iterable[str]) -> str:
    """A page with lines of HTML as its body; the title is escaped."""
    return _PAGE.format(title=html.escape(title), body="\n".join(body))


def render_markdown(text: str) -> list[str]:
    """Markdown, as far as our tables use it, as lines of HTML: headings, paragraphs, lists, tables, emphasis, code."""
    body: list[str] = []
    for block in re.split(r"\n\s*\n", text.strip()):
        lines = block.splitlines() or [""]  # of an empty file
        if found := re.match(r"(#{1,6}) +(.*)", lines[0]):
            level = len(found[1])
            body.append(f"<h{level}>{_inline(found[2])}</h{level}>")
            lines = lines[1:]
        if len(lines) > 1 and lines[0].startswith("|") and re.fullmatch(r"[|: -]+", lines[1]):
            heads, rules, *rows = map(_cells, lines)
            body += _table(
                map(_inline, heads), (map(_inline, row) for row in rows), [rule[-1:] == ":" for rule in rules]
            )
        elif lines and all(line.startswith("- ") for line in lines):
            body += ["<ul>", *(f"<li>{_inline(line[2:])}</li>" for line in lines), "</ul>"]
        elif lines:
            body.append(f"<p>{_inline(' '.join(lines))}</p>")
    return body


def _cells(line: str) -> list[str]:
    """The cells of a line of a table; a backslash before a pipe or a backslash is an escape."""
    cells = re.findall(r"(?:\\.|[^|\\])+", line.strip().strip("|"))
    return [re.sub(r"\\(.)", r"\1", cell).strip() for cell in cells]


def _inline(text: str) -> str:
    made, end = "", 0
    for found in _INLINE.finditer(text):
        made += html.escape(html.unescape(text[end : found.start()]))
        kind = found.lastgroup
        inner = found[kind or 0]
        if kind == "code":
            made += f"<code>{html.escape(inner)}</code>"
        elif kind == "link":
            made += html.escape(html.unescape(inner))
        else:
            made += f"<{kind}>{html.escape(html.unescape(inner))}</{kind}>"
        end = found.end()
    return made + html.escape(html.unescape(text[end:]))


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]], right: Sequence[bool]) -> list[str]:
    """A table of cells that are HTML; `right` says which columns are numbers."""

    def row(cells: Iterable[str], tag: str) -> str:
        made = (
            f'<{tag} class="right">{cell}</{tag}>' if index < len(right) and right[index] else f"<{tag}>{cell}</{tag}>"
            for index, cell in enumerate(cells)
        )
        return f"<tr>{''.join(made)}</tr>"

    return [
        "<table>",
        f"<thead>{row(heads, 'th')}</thead>",
        "<tbody>",
        *(row(cells, "td") for cells in rows),
        "</tbody>",
        "</table>",
    ]


def render_rows(text: str, delimiter: str) -> list[str]:
    """A CSV or TSV file as lines of HTML; columns in which every cell is a number are set to the right."""
    lines = csv.reader(text.splitlines(), delimiter=delimiter, quoting=csv.QUOTE_NONE if delimiter == "\t" else 0)
    heads, *rows = [line for line in lines if line] or [[]]
    if not rows:
        return [f"<p>No rows. Columns: {html.escape(', '.join(heads))}.</p>"]
    right = [all(_is_number(row[index]) for row in rows if index < len(row)) for index in range(len(heads))]
    return _table(map(html.escape, heads), (map(html.escape, row) for row in rows), right)


def _is_number(text: str) -> bool:
    return re.fullmatch(r"[+-]?\d+(\.\d+)?(e[+-]?\d+)?|", text) is not None


def render_file(path: Path) -> list[str]:
    """A table as lines of HTML, by the suffix of its file: .md, .csv, .tsv, or anything else as plain text.

    Raises:
        UserError: the file is not UTF-8 text.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise UserError(f"{path}: not UTF-8 text") from None
    if path.suffix == ".md":
        return render_markdown(text)
    if path.suffix in (".csv", ".tsv"):
        return render_rows(text, "\t" if path.suffix == ".tsv" else ",")
    return [f"<pre>{html.escape(text)}</pre>"]


def render_settings(settings: Mapping[str, Any]) -> list[str]:
    """The settings of a study as lines of HTML: one heading per section, its values as YAML."""
    body = [
        "<h1>Settings</h1>",
        "<p>All settings of the study, from config.yaml, the given files and the command line.</p>",
    ]
    for name, value in settings.items():
        text = yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=100).removesuffix("...\n")
        body += [f"<h2>{html.escape(str(name))}</h2>", f"<pre>{html.escape(text.rstrip())}</pre>"]
    return body


def render_software(versions: Mapping[str, Mapping[str, str]]) -> list[str]:
    """The software of a study as lines of HTML: a row for each version of a package, with the commands that had it.

    Args:
        versions: by command (`eval.score`), then by package.
    """
    body = ["<h1>Software</h1>"]
    if not versions:
        return [*body, "<p>Not recorded: no command of this study noted its software below logs/software.</p>"]
    users: dict[tuple[str, str], list[str]] = {}
    for command, found in versions.items():
        for package, version in found.items():
            users.setdefault((package, version), []).append(command)
    ordered = sorted(users.items(), key=lambda item: (item[0][0] != "python", item[0][0].lower(), item[0][1]))
    rows = ([package, version, ", ".join(sorted(commands))] for (package, version), commands in ordered)
    return [
        *body,
        "<p>Versions of Python and its packages as they were loaded when each command last ran. Packages have the names"
        " under which they are imported.</p>",
        *_table(["Package", "Version", "Commands"], (map(html.escape, row) for row in rows), []),
    ]
