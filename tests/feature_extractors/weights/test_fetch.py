"""Fetching from a mirror and from a server on this machine: checked, resumed, and one line where it fails."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from cli import UserError
from feature_extractors.__main__ import main
from feature_extractors.weights.catalogue import KNOWN, KnownFile, KnownWeights, known_weights, published_files
from feature_extractors.weights.fetch import fetch_file

CONTENT = bytes(range(256)) * 9000  # 2.3 MB: more than two chunks


class Handler(BaseHTTPRequestHandler):
    """Serves CONTENT with ranges; `/short` breaks off after a third, as a lost connection does."""

    def __init__(self, asked: list[str | None], *rest: object) -> None:
        self.asked = asked
        super().__init__(*rest)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        self.asked.append(wanted)
        if self.path == "/none":
            self.send_error(404)
            return
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted and self.path != "/norange" else 0
        if start >= len(CONTENT):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(CONTENT) - start))
        self.end_headers()
        end = len(CONTENT) // 3 if self.path == "/short" and not start else len(CONTENT)
        self.wfile.write(CONTENT[start:end])

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[tuple[str, list[str | None]]]:
    asked: list[str | None] = []
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, asked)) as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}", asked
        running.shutdown()
        thread.join()


def known(url: str, content: bytes = CONTENT) -> KnownWeights:
    file = KnownFile(
        name="net.pth",
        url=url,
        sha256=hashlib.sha256(content).hexdigest(),
        md5=hashlib.md5(content).hexdigest(),
        size=len(content),
    )
    return KnownWeights(name="net", encoder="pann", licence="MIT", source="https://example.org/net", files=(file,))


def fetch(weights: KnownWeights, folder: Path, mirror: Path | None = None) -> Path:
    return fetch_file(weights, weights.files[0], folder, mirror)


def test_a_download_is_checked_and_not_repeated(tmp_path: Path, server: tuple[str, list[str | None]]) -> None:
    url, asked = server
    weights = known(f"{url}/net.pth")
    assert fetch(weights, tmp_path).read_bytes() == CONTENT
    assert fetch(weights, tmp_path) == tmp_path / "net.pth"
    assert asked == [None]
    assert [path.name for path in tmp_path.iterdir()] == ["net.pth"]


def test_a_broken_download_is_gone_on_with(tmp_path: Path, server: tuple[str, list[str | None]]) -> None:
    url, asked = server
    weights = known(f"{url}/short")
    with pytest.raises(UserError, match=r"net\.pth: missing, and could not be downloaded"):
        fetch(weights, tmp_path)
    third = len(CONTENT) // 3
    assert (tmp_path / "net.pth.part").stat().st_size == third and not (tmp_path / "net.pth").exists()
    assert fetch(weights, tmp_path).read_bytes() == CONTENT
    assert asked == [None, f"bytes={third}-"]


def test_a_server_without_ranges_starts_anew(tmp_path: Path, server: tuple[str, list[str | None]]) -> None:
    url, _ = server
    (tmp_path / "net.pth.part").write_bytes(CONTENT[:1000])
    assert fetch(known(f"{url}/norange"), tmp_path).read_bytes() == CONTENT


def test_a_whole_part_is_only_checked(tmp_path: Path, server: tuple[str, list[str | None]]) -> None:
    url, asked = server
    (tmp_path / "net.pth.part").write_bytes(CONTENT)
    assert fetch(known(f"{url}/net.pth"), tmp_path).read_bytes() == CONTENT
    assert asked == []


@pytest.mark.parametrize("change", ["content", "size"])
def test_another_content_is_thrown_away(tmp_path: Path, server: tuple[str, list[str | None]], change: str) -> None:
    url, _ = server
    other = CONTENT[:-1] + b"x" if change == "content" else CONTENT[:-1]
    with pytest.raises(UserError, match=r"not the published file|bytes, the published") as problem:
        fetch(known(f"{url}/net.pth", other), tmp_path)
    assert "discarded" in str(problem.value)
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_reached_says_where_to_put_what(tmp_path: Path, server: tuple[str, list[str | None]]) -> None:
    url, _ = server
    for address in (f"{url}/none", "http://127.0.0.1:9/net.pth"):
        with pytest.raises(UserError) as problem:
            fetch(known(address), tmp_path)
        message = str(problem.value)
        # Which file, from where, why not, and where to put it.
        assert message.startswith(f"{tmp_path / 'net.pth'}: missing") and "\n" not in message
        assert address in message and "https://example.org/net" in message and "--mirror" in message


@pytest.mark.parametrize("below", ["net", "."])
def test_a_mirror_is_copied_from(tmp_path: Path, below: str) -> None:
    mirror, folder = tmp_path / "mirror", tmp_path / "weights"
    (mirror / below).mkdir(parents=True, exist_ok=True)
    (mirror / below / "net.pth").write_bytes(CONTENT)
    assert fetch(known("http://127.0.0.1:9/net.pth"), folder, mirror).read_bytes() == CONTENT


def test_a_mirror_is_checked_as_a_download_is(tmp_path: Path) -> None:
    mirror, folder = tmp_path / "mirror", tmp_path / "weights"
    with pytest.raises(UserError, match=r"mirror: no such folder of published weights$"):
        fetch(known("http://127.0.0.1:9/net.pth"), folder, mirror)
    mirror.mkdir()
    with pytest.raises(UserError, match=r"mirror: the mirror has no net\.pth; get it from http"):
        fetch(known("http://127.0.0.1:9/net.pth"), folder, mirror)
    (mirror / "net.pth").write_bytes(CONTENT[:-1] + b"x")
    with pytest.raises(UserError, match="sha256 is not that of the published"):
        fetch(known("http://127.0.0.1:9/net.pth"), folder, mirror)
    assert not (folder / "net.pth").exists()
    assert (mirror / "net.pth").exists()  # it is the user's


def test_another_file_in_place_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "net.pth").write_bytes(b"mine")
    with pytest.raises(UserError, match=r"net\.pth: 4 bytes.*move it away"):
        fetch(known("http://127.0.0.1:9/net.pth"), tmp_path)
    assert (tmp_path / "net.pth").read_bytes() == b"mine"


def test_addresses_of_clip_are_those_of_open_clip() -> None:
    """The table is torch-free and so repeats them; the digest in the address is the one that is checked."""
    from open_clip import get_pretrained_cfg

    clips = [weights for weights in KNOWN.values() if weights.encoder == "clip"]
    assert len(clips) == 2
    for weights in clips:
        assert weights.model is not None
        assert weights.files[0].url == get_pretrained_cfg(*weights.model)["url"]
        assert weights.files[0].sha256 == weights.files[0].url.split("/")[-2]


def test_every_entry_can_be_checked_and_credited() -> None:
    for name, weights in KNOWN.items():
        assert weights.name == name and weights.licence and weights.source.startswith("https://")
        for file in weights.files:
            assert len(bytes.fromhex(file.sha256)) == 32 and file.url.startswith("https://")


def test_configured_names_lead_to_files() -> None:
    files = published_files("published:clap-htsat-unfused", "clap")
    assert files is not None
    assert [str(file) for file in files] == [
        f"weights/published/clap-htsat-unfused/{name}"
        for name in ("config.json", "preprocessor_config.json", "pytorch_model.bin")
    ]
    assert published_files("weights/demo/clap", "clap") is None
    with pytest.raises(UserError, match=r"clip\.weights: pann-cnn14 is for pann"):
        published_files("published:pann-cnn14", "clip")
    with pytest.raises(UserError, match=r"no published weights 'cnn'.*pann-cnn14"):
        known_weights("cnn")


def test_the_command_lists_fetches_and_fails_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(*arguments: object) -> int:
        monkeypatch.setattr("sys.argv", ["feature_extractors", "fetch-weights", *map(str, arguments)])
        return main()

    assert run() == 0
    listed = capsys.readouterr().err
    assert "pann-cnn14: for pann, 327 MB, CC BY 4.0, from https://zenodo.org/records/3987831" in listed
    monkeypatch.setitem(KNOWN, "net", known("http://127.0.0.1:9/net.pth"))
    (tmp_path / "mirror").mkdir()
    (tmp_path / "mirror" / "net.pth").write_bytes(CONTENT)
    assert run("net", "--mirror", tmp_path / "mirror", "--out", tmp_path / "out") == 0
    assert (tmp_path / "out" / "net.pth").read_bytes() == CONTENT
    monkeypatch.chdir(tmp_path)
    assert run("net", "--mirror", tmp_path / "mirror", "--only", "net.pth") == 0
    assert (tmp_path / "weights/published/net/net.pth").read_bytes() == CONTENT
    for arguments, message in (
        (["nothing"], "no published weights 'nothing'"),
        (["net", "pann-cnn14", "--out", tmp_path], "--out: takes one NAME, got 2"),
        (["net", "--only", "other.pth"], "net: no file 'other.pth'"),
        (
            ["net", "--out", tmp_path / "new"],
            "net.pth: missing, and could not be downloaded from http://127.0.0.1:9/net.pth",
        ),
    ):
        capsys.readouterr()
        assert run(*arguments) == 1
        lines = capsys.readouterr().err.splitlines()
        assert len(lines) == 1 and message in lines[0]
