"""Fetch published weights: from their publisher or a local mirror, checked, resumable, renamed when whole."""

from __future__ import annotations

import logging
import shutil
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.client import HTTPException
from pathlib import Path
from typing import IO

from cli import UserError, track
from feature_extractors.fingerprints import digest_of
from feature_extractors.weights.catalogue import KnownFile, KnownWeights

CHUNK = 1 << 20
TIMEOUT = 60.0
"""Seconds without a byte after which a download is given up; what came stays and is gone on from."""
_log = logging.getLogger(__name__)


def fetch_file(weights: KnownWeights, file: KnownFile, folder: Path, mirror: Path | None = None) -> Path:
    """Put one file of published weights into `folder`; a right one that is there is kept.

    An interrupted download lies in `NAME.part` and is resumed.

    Args:
        mirror: a folder that holds the file, itself or below the weights' name; nothing is then downloaded.

    Raises:
        UserError: the file there is another, the mirror lacks it, the download fails, or the checksum is wrong.
    """
    target = folder / file.name
    if target.exists():
        check_file(target, file, "another file of this name is there: move it away")
        _log.info("%s: there, checksum right", target)
        return target
    folder.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    if mirror is not None:
        source = _mirrored(weights, file, mirror)
        check_file(source, file, "the mirror holds another file")
        shutil.copyfile(source, part)
    else:
        _download(weights, file, target, part)
    try:
        check_file(part, file, "what came is not the published file, and was thrown away")
    except UserError:
        part.unlink()
        raise
    part.replace(target)
    _log.info("%s: %s, sha256 %s, licence %s", target, weights.name, file.sha256, weights.licence)
    return target


def check_file(path: Path, file: KnownFile, otherwise: str) -> None:
    """Check size and digests of a file against the published ones; `otherwise` ends the message.

    Raises:
        UserError: they differ.
    """
    size = path.stat().st_size
    if file.size and size != file.size:
        raise UserError(f"{path}: {size:,} bytes, the published {file.name} has {file.size:,}: {otherwise}")
    for algorithm, expected in (("sha256", file.sha256), ("md5", file.md5)):
        if expected and digest_of(path, algorithm) != expected:
            raise UserError(f"{path}: {algorithm} is not that of the published {file.name}: {otherwise}")


def _mirrored(weights: KnownWeights, file: KnownFile, mirror: Path) -> Path:
    places = [mirror / weights.name / file.name, mirror / file.name]
    for place in places:
        if place.is_file():
            return place
    raise UserError(f"{mirror}: the mirror has no {file.name}; put it from {file.url} to {places[0]}")


def _download(weights: KnownWeights, file: KnownFile, target: Path, part: Path) -> None:
    have = part.stat().st_size if part.exists() else 0
    if file.size and have >= file.size:
        return  # whole, and killed before it was checked
    request = urllib.request.Request(file.url, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
            resumed = answer.status == 206
            length = int(answer.headers.get("Content-Length") or 0)
            if resumed:
                _log.info("%s: going on at byte %s", target, f"{have:,}")
            chunks = -(-length // CHUNK) or None
            with part.open("ab" if resumed else "wb") as content:
                came = 0
                for chunk in track(_chunks(answer), f"{file.name} (MiB)", total=chunks):
                    came += content.write(chunk)
            if came < length:  # which reading does not report by itself
                raise ConnectionError(f"the connection broke after {came:,} of {length:,} bytes")
    except urllib.error.HTTPError as problem:
        if problem.code == 416:  # nothing beyond what is there: the check decides
            return
        raise _unreachable(weights, file, target, f"{problem.code} {problem.reason}") from None
    except (OSError, HTTPException, ValueError) as problem:
        cause = getattr(problem, "reason", None) or problem
        raise _unreachable(weights, file, target, str(cause) or type(problem).__name__) from None


def _chunks(answer: IO[bytes]) -> Iterator[bytes]:
    while chunk := answer.read(CHUNK):
        yield chunk


def _unreachable(weights: KnownWeights, file: KnownFile, target: Path, cause: str) -> UserError:
    return UserError(
        f"{target}: missing, and not to be had from {file.url} ({cause}). Without a network: get {file.name} of "
        f"{weights.source} elsewhere and put it to {target}, or give --mirror a folder that has it"
    )
