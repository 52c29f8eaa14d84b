"""Fetch published weights from their publisher or a local mirror: resumable, checked, renamed once complete."""

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
from cli.ownership import owning
from feature_extractors.fingerprints import digest_of, git_blob_of
from feature_extractors.weights.catalogue import KnownFile, KnownWeights

CHUNK = 1 << 20
TIMEOUT = 60.0
"""Seconds without data after which a download fails. The part that arrived is kept, and a later call resumes it."""
_log = logging.getLogger(__name__)


def fetch_file(weights: KnownWeights, file: KnownFile, folder: Path, mirror: Path | None = None) -> Path:
    """Put one file of published weights into `folder`; keep a correct one that already exists.

    An interrupted download is kept in `NAME.part` and resumed.

    Args:
        mirror: a folder that holds the file, directly or in a folder named after the weights; nothing is downloaded.

    Raises:
        UserError: another file has its name, another process is fetching it, the mirror does not have it, the download
            fails, or a checksum is wrong.
    """
    target = folder / file.name
    if target.exists():
        check_file(target, file, "another file already has this name: move it away")
        _log.info("%s: already there, checksum correct", target)
        return target
    with owning(target):
        part = target.with_name(target.name + ".part")
        if mirror is not None:
            source = _mirrored(weights, file, mirror)
            check_file(source, file, "the mirror holds another file")
            shutil.copyfile(source, part)
        else:
            _download(weights, file, target, part)
        try:
            check_file(part, file, "the download is not the published file and was discarded")
        except UserError:
            part.unlink()
            raise
        part.replace(target)
    _log.info("%s: %s, %s, licence %s", target, weights.name, file.digest, weights.licence)
    return target


def check_file(path: Path, file: KnownFile, otherwise: str) -> None:
    """Check the size and digests of a file against the published ones; `otherwise` ends the error message.

    Raises:
        UserError: they differ.
    """
    size = path.stat().st_size
    if file.size and size != file.size:
        raise UserError(f"{path}: {size:,} bytes, but the published {file.name} has {file.size:,}: {otherwise}")
    for algorithm, expected in (("sha256", file.sha256), ("md5", file.md5)):
        if expected and digest_of(path, algorithm) != expected:
            raise UserError(f"{path}: {algorithm} is not that of the published {file.name}: {otherwise}")
    if file.git_blob and git_blob_of(path) != file.git_blob:
        raise UserError(f"{path}: git blob id is not that of the published {file.name}: {otherwise}")


def _mirrored(weights: KnownWeights, file: KnownFile, mirror: Path) -> Path:
    if not mirror.is_dir():
        raise UserError(f"{mirror}: no such folder of published weights")
    places = [mirror / weights.name / file.name, mirror / file.name]
    for place in places:
        if place.is_file():
            return place
    raise UserError(f"{mirror}: the mirror has no {file.name}; get it from {file.url} and save it as {places[0]}")


def _download(weights: KnownWeights, file: KnownFile, target: Path, part: Path) -> None:
    have = part.stat().st_size if part.exists() else 0
    if file.size and have >= file.size:
        return  # complete, but killed before it was checked
    request = urllib.request.Request(file.url, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
            resumed = answer.status == 206
            length = int(answer.headers.get("Content-Length") or 0)
            if resumed:
                _log.info("%s: resuming at byte %s", target, f"{have:,}")
            chunks = -(-length // CHUNK) or None
            with part.open("ab" if resumed else "wb") as content:
                came = 0
                for chunk in track(_chunks(answer), f"{file.name} (MiB)", total=chunks):
                    came += content.write(chunk)
            if came < length:  # reading does not report this
                raise ConnectionError(f"the connection broke after {came:,} of {length:,} bytes")
    except urllib.error.HTTPError as problem:
        if problem.code == 416:  # nothing left to download: the check decides
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
        f"{target}: missing, and could not be downloaded from {file.url} ({cause}). Without a network: get {file.name} "
        f"from {weights.source} on another machine and save it as {target}, or point --mirror at a folder that has it"
    )
