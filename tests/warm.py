"""A Python that has its libraries loaded: what would be a new process forks from it.

`python -m PACKAGE` spends seconds on importing torch, transformers or snakemake before it does anything. A server
imports them once for all processes of pytest. Each run is a fork of the server with its own arguments, folder,
environment, import path and open files, and ends as a process does. In a workflow, `python` itself is such a run: a
small program of that name, first in PATH, asks the server. It is `sys.executable` too, for what a run starts itself.

Our own packages are loaded as well, but a run has them only once it imports one of them, and only if its import path
leads to this checkout. What each workflow of the tests would do first is done: the rules are read and the small demo is
planned. A `sitecustomize` on the import path is imported first, as at a start. Other options than `-m`, `-c`, a
file, `-u` and `-B` start a new process.

The processes of pytest-xdist, too, are runs (tests/conftest.py).
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import gc
import importlib
import importlib.util
import itertools
import marshal
import multiprocessing
import os
import pkgutil
import runpy
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

ROOT = Path(__file__).parents[1]
PACKAGES = ("av_highlights", "cli", "demo", "eval", "feature_extractors", "formats", "model", "workflow")
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
# The program `python` of a workflow: hands its open files, arguments, folder and environment to the server. It starts
# some hundred times, so it imports nothing that is not part of the interpreter itself.
ASK = """#!{python} -IS
import _socket, marshal, os, sys

words = sys.argv[1:]
program = next((word for word in words if word not in ("-u", "-B")), "")
if program not in ("-m", "-c") and not program.endswith(".py"):
    os.execv({python!r}, [{python!r}, *words])
numbers = []
for name in os.listdir("/proc/self/fd"):
    try:
        if os.get_inheritable(int(name)):  # not opened here
            numbers.append(int(name))
    except OSError:  # that of the list itself
        pass
server = _socket.socket(_socket.AF_UNIX)
server.connect({address!r})
request = marshal.dumps([numbers, words, os.getcwd(), dict(os.environ)])
files = b"".join(number.to_bytes(4, sys.byteorder) for number in numbers)
server.sendmsg([len(request).to_bytes(8, "big")], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, files)])
server.sendall(request)
status = int.from_bytes(server.recv(4), "big", signed=True)
if status < 0:
    os.kill(os.getpid(), -status)
os._exit(status)
"""


class Server:
    """A running server, of all processes of one pytest: the first that needs it starts it, the last one ends it.

    Each of them holds the pipe `users` open. The server ends when nobody does. WARM_SESSION tells it from those of
    others.
    """

    def __init__(self) -> None:
        session = os.environ.setdefault("WARM_SESSION", f"{os.getpid()}")
        self.folder = Path(tempfile.gettempdir(), f"warm-{session}")
        self.folder.mkdir(exist_ok=True)
        self.program = str(self.folder / "bin" / "python")
        self.process: subprocess.Popen[bytes] | None = None
        with locked(self.folder):
            try:
                self.pipe = self._open()
            except OSError:  # nobody reads it
                self.process = self._start()
                self.pipe = self._open()

    def _open(self) -> int:
        return os.open(self.folder / "users", os.O_WRONLY | os.O_NONBLOCK)

    def _start(self) -> subprocess.Popen[bytes]:
        program = Path(self.program)
        program.parent.mkdir(exist_ok=True)
        program.write_text(ASK.format(python=sys.executable, address=str(self.folder / "socket")), encoding="utf-8")
        program.chmod(0o700)
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        command = [sys.executable, __file__, str(self.folder)]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=environment)
        assert process.stdout is not None and process.stdout.readline() == b"ready\n"
        return process

    def close(self) -> None:
        """Let go of the server; the process that started it waits for its end."""
        os.close(self.pipe)
        if self.process is not None:
            self.process.wait()
            shutil.rmtree(self.folder)


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the lock under which servers start and end."""
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@cache
def server() -> Server:
    """The server, started when it is first asked for. `stop` ends it."""
    return Server()


def stop() -> None:
    """Let go of the server, if this process uses it."""
    if server.cache_info().currsize:
        server().close()
        server.cache_clear()


def start_new_processes() -> None:
    """Let this process, if it is a run, start new processes by `sys.executable`, as pytest itself does."""
    if sys.orig_argv[1:2] == [__file__]:
        sys.executable = sys.orig_argv[0]
        multiprocessing.set_executable(sys.executable)


def run_python(
    arguments: Sequence[object], folder: Path | None = None, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run `python ARGUMENTS` (`-m MODULE ...` or `-c CODE ...`) as `subprocess.run` would, its output as text."""
    command = [server().program, *map(str, arguments)]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


class Loaded(MetaPathFinder, Loader):
    """Our modules, as the server has loaded them, for the first of our packages that a run imports.

    From then on all are there, if that package is this checkout's.
    """

    def __init__(self) -> None:
        sys.path.insert(0, str(ROOT))
        for package in PACKAGES:
            found = importlib.import_module(package)
            for module in pkgutil.walk_packages(found.__path__, f"{package}."):
                if not module.name.endswith("__main__"):
                    importlib.import_module(module.name)
        from tests.preparation import plan_demo, read_rules

        plan_demo()
        read_rules()
        sys.path.remove(str(ROOT))
        ours = [name for name in sys.modules if name.partition(".")[0] in (*PACKAGES, "tests")]
        loaded = {name: sys.modules.pop(name) for name in ours}
        # `python -m PACKAGE` runs its `__main__` anew, and warns if it is loaded already.
        self.modules = {
            name: module
            for name, module in loaded.items()
            if not name.startswith("tests") and not name.endswith(".__main__")
        }
        self.specs = {name: module.__spec__ for name, module in self.modules.items()}
        self.found: bool | None = None  # whether the import path leads here

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        if name not in self.modules:
            return None
        module = self.modules[name]
        if self.found is None:
            self.found = False  # what the other finders say
            other = importlib.util.find_spec(name)
            self.found = other is not None and other.origin == module.__file__
        if not self.found:
            return None
        spec = ModuleSpec(name, self, origin=module.__file__, is_package=hasattr(module, "__path__"))
        if spec.submodule_search_locations is not None:
            spec.submodule_search_locations.extend(module.__path__)
        return spec

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return self.modules[spec.name]

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self.specs[module.__name__]
        sys.modules.update(self.modules)


def serve(folder: Path) -> None:
    """Import everything, then fork for every request until nobody uses the server."""
    sys.path.pop(0)  # the folder of this file
    for name in LIBRARIES:
        __import__(name)
    # Its plugins register their options, which takes a third of the time of a dry run.
    sys.modules["snakemake.cli"].get_argument_parser()
    sys.meta_path.insert(0, Loaded())
    sys.executable = str(folder / "bin" / "python")
    multiprocessing.set_executable(sys.executable)
    gc.collect()
    gc.freeze()  # what is shared with the runs is no garbage, and a search would copy it
    listener = socket.socket(socket.AF_UNIX)
    (folder / "socket").unlink(missing_ok=True)
    listener.bind(str(folder / "socket"))
    listener.listen(64)
    if not (folder / "users").exists():
        os.mkfifo(folder / "users")
    users = os.open(folder / "users", os.O_RDONLY | os.O_NONBLOCK)
    woken, wake = socket.socketpair()
    wake.setblocking(False)
    signal.set_wakeup_fd(wake.fileno())
    signal.signal(signal.SIGCHLD, lambda *_: None)
    runs: dict[int, socket.socket] = {}
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while True:
        ready, _, _ = select.select([listener, woken, users], [], [])
        if users in ready:
            with locked(folder):
                if users in select.select([users], [], [], 0)[0]:  # no new one meanwhile
                    (folder / "users").unlink()
                    return
        if listener in ready:
            asking, _ = listener.accept()
            size, files, _, _ = socket.recv_fds(asking, 8, 250)
            request = asking.recv(int.from_bytes(size, "big"), socket.MSG_WAITALL)
            process = os.fork()
            if process == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                for opened in (listener, woken, wake, asking, *runs.values()):
                    opened.close()
                os.close(users)
                become(files, *marshal.loads(request))
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


def become(
    files: Sequence[int], numbers: Sequence[int], words: list[str], folder: str, environment: dict[str, str]
) -> NoReturn:
    """Be the process `python WORDS`, with its files opened under the same numbers, to its end."""
    apart = [fcntl.fcntl(file, fcntl.F_DUPFD_CLOEXEC, 256) for file in files]
    for file in files:
        os.close(file)
    for file, number in zip(apart, numbers, strict=True):
        os.dup2(file, number)
        os.close(file)
    os.chdir(folder)
    multiprocessing.process.ORIGINAL_DIR = folder  # where multiprocessing looks for the program
    os.environ.clear()
    os.environ.update(environment)
    flags = list(itertools.takewhile(lambda word: word in ("-u", "-B"), words))
    sys.dont_write_bytecode |= "-B" in flags
    option, *rest = words[len(flags) :]
    program = rest.pop(0) if option in ("-m", "-c") else option
    place = {"-m": folder, "-c": ""}.get(option, str(Path(program).resolve().parent))
    sys.path[:0] = [place, *filter(None, environment.get("PYTHONPATH", "").split(os.pathsep))]
    sys.argv = [option, *rest]
    with contextlib.suppress(ImportError):  # of ours: the server has imported that of the environment, if any
        sys.modules.pop("sitecustomize", None)
        importlib.import_module("sitecustomize")
    # With buffers and encodings as at a start.
    sys.stdin, sys.stdout = open(0), open(1, "w")  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, errors="backslashreplace")  # noqa: SIM115
    sys.stdout.reconfigure(write_through="-u" in flags)
    status: Any = 0
    try:
        if option == "-m":
            runpy.run_module(program, run_name="__main__", alter_sys=True)
        elif option == "-c":
            sys.modules["__main__"] = main = ModuleType("__main__")
            exec(compile(program, "<string>", "exec"), vars(main))
        else:
            runpy.run_path(str(Path(program).resolve()), run_name="__main__")
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
        if not stream.closed:
            stream.flush()
    os._exit(status & 0xFF)


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
    os._exit(0)  # without a look at a million objects
