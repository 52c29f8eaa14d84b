"""What forks from a warm Python behaves as a new process does."""

from __future__ import annotations

import multiprocessing.spawn
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.killing import kill_at
from tests.warm import ROOT, Server, run_python, server

# Tells all that a process is given, and ends as its last argument says.
PROGRAM = """
import atexit, os, signal, sys, threading
print(sys.argv[1:], os.getcwd(), sorted(os.environ.items()), sys.path[0] == os.getcwd(), __name__, sys.stdin.read())
print(sys.stdout.encoding.lower(), sys.stderr.errors, [name for name in ("model", "cli") if name in sys.modules])
print("é to stderr", file=sys.stderr)
atexit.register(print, "at the end")
threading.Thread(target=print, args=("of a thread",)).start()
end = sys.argv[-1]
if end == "kill":
    sys.stdout.flush()
    os.kill(os.getpid(), signal.SIGKILL)
if end == "raise":
    raise ValueError("no")
sys.exit({"text": "a text", "none": None}.get(end) if not end.isdigit() else int(end))
"""


@pytest.mark.parametrize("end", ["0", "3", "none", "text", "raise", "kill"])
def test_a_run_is_like_a_new_process(tmp_path: Path, end: str) -> None:
    (tmp_path / "program.py").write_text(PROGRAM, encoding="utf-8")
    environment = {"PATH": os.environ["PATH"], "ONE": "with\nlines", "LC_ALL": "C.UTF-8"}
    given: dict[str, Any] = {"cwd": tmp_path, "env": environment, "input": "a question", "text": True, "check": False}
    found, expected = (
        subprocess.run([python, "-m", "program", "an argument", end], capture_output=True, **given)
        for python in (server().program, sys.executable)
    )
    assert (found.returncode, found.stdout) == (expected.returncode, expected.stdout)
    # In a traceback, the frames that run the module are others.
    said, wanted = found.stderr.splitlines(), expected.stderr.splitlines()
    assert (said[0], said[-1]) == (wanted[0], wanted[-1]) and wanted[0] == "é to stderr"


@pytest.mark.parametrize("words", [["-u", "-m", "folder.program"], ["folder/program.py"], ["-c", PROGRAM]])
def test_other_ways_to_name_a_program(tmp_path: Path, words: list[str]) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/program.py").write_text(PROGRAM, encoding="utf-8")
    given: dict[str, Any] = {"cwd": tmp_path, "env": {"LC_ALL": "C.UTF-8"}, "input": "", "text": True, "check": False}
    found, expected = (
        subprocess.run([python, *words, "3"], capture_output=True, **given)
        for python in (server().program, sys.executable)
    )
    assert (found.returncode, found.stdout, found.stderr) == (expected.returncode, expected.stdout, expected.stderr)


POOL = """
import multiprocessing, sys
from concurrent.futures import ProcessPoolExecutor

def tell(number):
    return number, "torch" in sys.modules

if __name__ == "__main__":
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        print(list(pool.map(tell, [1, 2])))
"""


def test_processes_of_a_run_are_forks_too(tmp_path: Path) -> None:
    """Those of multiprocessing are given pipes by their numbers."""
    (tmp_path / "program.py").write_text(POOL, encoding="utf-8")
    done = run_python(["program.py"], tmp_path)
    assert (done.returncode, done.stdout) == (0, "[(1, True), (2, True)]\n"), done.stderr


def test_our_packages_are_those_of_the_import_path(tmp_path: Path) -> None:
    show = "import sys, cli, formats.rows; print(cli.__file__, cli.__spec__.origin, 'eval' in sys.modules)"
    ours = ROOT / "cli/__init__.py"
    assert run_python(["-c", show], ROOT).stdout == f"{ours} {ours} True\n"
    other = tmp_path / "cli/__init__.py"
    other.parent.mkdir()
    other.touch()
    (tmp_path / "formats").symlink_to(ROOT / "formats")
    show = show.replace("formats.rows", "formats")
    assert run_python(["-c", show], tmp_path).stdout == f"{other} {other} False\n"


def test_there_is_one_server() -> None:
    program = server().program
    other = Server()
    assert (other.process, other.program) == (None, program)
    other.close()
    assert run_python(["-c", "print(1)"]).stdout == "1\n"


def test_runs_do_not_meet(tmp_path: Path) -> None:
    """Nothing that one run changes or imports is there in the next."""
    change = "import os, eval, torch\ntorch.set_num_threads(3)\nos.environ['LEFT'] = ''"
    show = "import os, sys, torch\nprint(torch.get_num_threads(), 'eval' in sys.modules, 'LEFT' in os.environ)"
    (tmp_path / "program.py").write_text(change)
    assert run_python(["-m", "program"], tmp_path).returncode == 0
    assert run_python(["-c", show], tmp_path).stdout == "1 False False\n"


def test_a_run_can_kill_itself_at_a_write(tmp_path: Path) -> None:
    """By the hook that a new process would import."""
    move = "import os, pathlib; pathlib.Path('a').touch(); os.replace('a', 'b'); print('alive')"
    environment = kill_at(tmp_path / "hook", "b")
    assert run_python(["-c", move], tmp_path, environment).returncode == -signal.SIGKILL
    assert (tmp_path / "b").exists()
    assert run_python(["-c", move], tmp_path).stdout == "alive\n"


def test_pytest_starts_new_processes() -> None:
    """Although it is a run itself, of pytest-xdist."""
    for python in (sys.executable, os.fsdecode(multiprocessing.spawn.get_executable())):
        command = [python, "-c", "import sys; print('torch' in sys.modules)"]
        assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "False\n"


def test_other_options_start_a_new_process() -> None:
    command = [server().program, "-IS", "-c", "import sys; print('torch' in sys.modules)"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "False\n"
