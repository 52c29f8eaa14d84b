"""A Python that has its libraries loaded: what would be a new process forks from it.

`python -m PACKAGE` spends seconds on importing torch, transformers or snakemake before it does anything. A server
imports them once, and none of our own packages. Each run is a fork of the server with its own arguments, folder,
environment, import path and open files, and ends as a process does. In a workflow, `python` itself is such a run: a
small program of that name, first in PATH, asks the server.

A `sitecustomize` on the import path is imported first, as at a start. Other options than `-m` and `-c` start a new
process.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import os
import select
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

LIBRARIES = (
    "av",
    "h5py",
    "jsonschema",
    "matplotlib.pyplot",
    "open_clip",
    "pydantic",
    "scipy.stats",
    "smart_open",
    "snakemake.cli",
    "soxr",
    "torch",
    "transformers.models.clap",
    "yaml",
)
# The program `python` of a workflow: hands its files, arguments, folder and environment to the server.
ASK = """#!{python} -IS
import json, os, socket, sys

if sys.argv[1:2] not in (["-m"], ["-c"]):
    os.execv({python!r}, [{python!r}, *sys.argv[1:]])
server = socket.socket(socket.AF_UNIX)
server.connect({address!r})
request = json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)]).encode()
socket.send_fds(server, [len(request).to_bytes(8, "big")], [0, 1, 2])
server.sendall(request)
status = int.from_bytes(server.recv(4), "big", signed=True)
if status < 0:
    os.kill(os.getpid(), -status)
os._exit(status)
"""


class Server:
    """A running server, of this process alone."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="warm-"))
        address = str(self.folder / "socket")
        program = self.folder / "bin" / "python"
        program.parent.mkdir()
        program.write_text(ASK.format(python=sys.executable, address=address), encoding="utf-8")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        self.program = str(program)
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        command = [sys.executable, "-P", __file__, address]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
        assert self.process.stdout is not None and self.process.stdout.readline() == b"ready\n"

    def close(self) -> None:
        """End the server, and wait for it."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()
        shutil.rmtree(self.folder)


@cache
def server() -> Server:
    """The server of this process, started when it is first asked for. `stop` ends it."""
    return Server()


def stop() -> None:
    """End the server of this process, if there is one."""
    if server.cache_info().currsize:
        server().close()
        server.cache_clear()


def run_python(
    arguments: Sequence[object], folder: Path | None = None, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run `python ARGUMENTS` (`-m MODULE ...` or `-c CODE ...`) as `subprocess.run` would, its output as text."""
    command = [server().program, *map(str, arguments)]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def serve(address: str) -> None:
    """Import the libraries, then fork for every request until stdin is closed."""
    for name in LIBRARIES:
        __import__(name)
    # Its plugins register their options, which takes a third of the time of a dry run.
    sys.modules["snakemake.cli"].get_argument_parser()
    gc.freeze()  # what is shared with the runs is no garbage, and a search would copy it
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address)
    listener.listen(64)
    woken, wake = socket.socketpair()
    wake.setblocking(False)
    signal.set_wakeup_fd(wake.fileno())
    signal.signal(signal.SIGCHLD, lambda *_: None)
    runs: dict[int, socket.socket] = {}
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while True:
        ready, _, _ = select.select([listener, woken, sys.stdin], [], [])
        if sys.stdin in ready:
            return
        if listener in ready:
            asking, _ = listener.accept()
            size, files, _, _ = socket.recv_fds(asking, 8, 3)
            request = asking.recv(int.from_bytes(size, "big"), socket.MSG_WAITALL)
            process = os.fork()
            if process == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                for opened in (listener, woken, wake, asking, *runs.values()):
                    opened.close()
                become(files, *json.loads(request))
            runs[process] = asking
            for file in files:
                os.close(file)
        if woken in ready:
            woken.recv(4096)
        while runs:
            process, status = os.waitpid(-1, os.WNOHANG)
            if process == 0:
                break
            with runs.pop(process) as asking, contextlib.suppress(OSError):  # whoever asked may have been killed
                asking.sendall(os.waitstatus_to_exitcode(status).to_bytes(4, "big", signed=True))


def become(files: Sequence[int], arguments: list[str], folder: str, environment: dict[str, str]) -> NoReturn:
    """Be the process `python ARGUMENTS` to its end."""
    import runpy

    option, program, *rest = arguments
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.path[:0] = [folder, *filter(None, environment.get("PYTHONPATH", "").split(os.pathsep))]
    sys.argv = [option, *rest]
    with contextlib.suppress(ImportError):  # of ours: the server has imported that of the environment, if any
        sys.modules.pop("sitecustomize", None)
        importlib.import_module("sitecustomize")
    # With buffers and encodings as at a start.
    sys.stdin, sys.stdout = open(0), open(1, "w")  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, errors="backslashreplace")  # noqa: SIM115
    status: Any = 0
    try:
        if option == "-m":
            runpy.run_module(program, run_name="__main__", alter_sys=True)
        else:
            sys.modules["__main__"] = main = ModuleType("__main__")
            exec(compile(program, "<string>", "exec"), vars(main))
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
        if status and not isinstance(end.code, int):
            sys.stderr.write(f"{end.code}\n")
    except BaseException:
        sys.excepthook(*sys.exc_info())  # type: ignore[arg-type]
        status = 1
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(status & 0xFF)


if __name__ == "__main__":
    serve(sys.argv[1])
