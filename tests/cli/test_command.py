"""Exit status and stderr of every command: one line for a mistake, a traceback only for an error of ours."""

from __future__ import annotations

import argparse
import logging
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from cli import Command, UserError, whole_number
from cli.command import NEW_OBJECTS, seed


def act(arguments: argparse.Namespace) -> None:
    """Do what is told.

    Example:
      python -m package act --how well
    """
    logging.getLogger("package").info("at work: %s", arguments.how)
    problems: dict[str, Exception] = {
        "wrong": UserError("a.json: no such key\n  'b'\n"),
        "unwritable": PermissionError(13, "Permission denied", "/out"),
        "buggy": ZeroDivisionError("division by zero"),
        "without torch": ModuleNotFoundError("No module named 'torch'", name="torch"),
        "without av": ModuleNotFoundError("No module named 'av'", name="av"),
        "without a module of ours": ModuleNotFoundError("No module named 'model.lost'", name="model.lost"),
        "without part of torch": ModuleNotFoundError("No module named 'torch.lost'", name="torch.lost"),
    }
    if arguments.how in problems:
        raise problems[arguments.how]


@pytest.fixture
def command() -> Command:
    command = Command("package", "Does things.")
    command.verb("act", act).add_argument("--how", required=True)
    return command


def test_ctrl_c_is_130_and_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    def stop(arguments: argparse.Namespace) -> None:
        """Wait."""
        raise KeyboardInterrupt

    command = Command("package", "Does things.")
    command.verb("wait", stop)
    assert command.main(["wait"]) == 130
    assert capsys.readouterr().err == "python -m package wait: interrupted\n"


def test_a_job_of_a_scheduler_says_first_which_one_it_is(
    command: Command, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    command.main(["act", "--how", "well"])
    assert capsys.readouterr().err == f"Slurm job 7 on {socket.gethostname()}\nat work: well\n"


def test_success_is_0_and_logs_plain_lines(command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["act", "--how", "well"]) == 0
    output = capsys.readouterr()
    assert (output.out, output.err) == ("", "at work: well\n")


@pytest.mark.parametrize(
    ("how", "line"),
    [
        ("wrong", "python -m package act: error: a.json: no such key 'b'\n"),
        ("unwritable", "python -m package act: error: /out: permission denied\n"),
    ],
)
def test_a_mistake_is_1_and_one_line(command: Command, capsys: pytest.CaptureFixture[str], how: str, line: str) -> None:
    assert command.main(["act", "--how", how]) == 1
    assert capsys.readouterr().err == f"at work: {how}\n{line}"


@pytest.mark.parametrize(
    ("how", "extra", "line"),
    [
        ("without torch", "model", "needs torch: pip install 'av-highlights[model]'"),
        ("without torch", "features", "needs torch: pip install 'av-highlights[features]'"),
        # No part of the package's own extra: the one that has it.
        ("without av", "model", "needs av: pip install 'av-highlights[features]'"),
        ("without av", None, "needs av: pip install 'av-highlights[features]'"),
    ],
)
def test_a_library_of_an_extra_is_named_in_one_line(
    capsys: pytest.CaptureFixture[str], how: str, extra: str | None, line: str
) -> None:
    command = Command("package", "Does things.", extra=extra)
    command.verb("act", act).add_argument("--how", required=True)
    assert command.main(["act", "--how", how]) == 1
    assert capsys.readouterr().err == f"at work: {how}\npython -m package act: error: {line}\n"


@pytest.mark.parametrize("how", ["without a module of ours", "without part of torch"])
def test_a_module_that_no_extra_brings_keeps_its_traceback(command: Command, how: str) -> None:
    with pytest.raises(ModuleNotFoundError):
        command.main(["act", "--how", how])


def test_files_are_checked_before_the_verb_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def copy(arguments: argparse.Namespace) -> None:
        """Copy."""
        arguments.out.write_bytes(arguments.file[0].read_bytes())

    command = Command("package", "Does things.")
    verb = command.verb("copy", copy)
    verb.add_argument("file", type=Path, nargs="+")
    verb.add_output("--out", required=True)
    (tmp_path / "a").write_text("kept")
    assert command.main(["copy", str(tmp_path / "none"), str(tmp_path / "a"), "--out", str(tmp_path / "a")]) == 1
    error = capsys.readouterr().err
    assert error == f"python -m package copy: error: {tmp_path}/a: would overwrite the input {tmp_path}/a\n"
    assert command.main(["copy", str(tmp_path / "a"), "--out", str(tmp_path / "b")]) == 0
    assert (tmp_path / "b").read_text() == "kept"


@pytest.mark.parametrize("config", ["{}", "@run/b.json", "run/b.json"])
def test_folders_are_checked_before_the_verb_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], config: str
) -> None:
    def fill(arguments: argparse.Namespace) -> None:
        """Fill."""
        arguments.out.mkdir(exist_ok=True)
        (arguments.out / "a.json").write_text("new")

    command = Command("package", "Does things.")
    verb = command.verb("fill", fill)
    verb.add_argument("--file", type=Path)
    verb.add_argument("--config")
    verb.add_output_folder("--out", files=("a.json", "b.json"))
    assert verb.names_outputs("out") and not verb.names_outputs("file")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "c.json").touch()
    assert command.main(["fill", "--file", "c.json", "--out", "run"]) == 0
    # Again, as nothing in it is an input.
    assert command.main(["fill", "--file", "c.json", "--out", "run"]) == 0
    (tmp_path / "run/b.json").write_text("{}")
    # A file in it that the verb does not write may be one.
    (tmp_path / "run/d.json").touch()
    assert command.main(["fill", "--file", "run/d.json", "--out", "run"]) == 0
    capsys.readouterr()
    given = "run/a.json" if config == "{}" else "c.json"
    assert command.main(["fill", "--file", given, "--config", config, "--out", "run"]) == 1
    lost = "run/a.json" if config == "{}" else "run/b.json"
    assert capsys.readouterr().err.endswith(f"error: {lost}: would overwrite the input {lost}\n")
    assert command.main(["fill", "--out", "c.json"]) == 1
    assert capsys.readouterr().err.endswith("error: c.json: is a file, not a folder to write into\n")
    assert command.main(["fill", "--out", "c.json/run"]) == 1
    assert capsys.readouterr().err.endswith(
        f"error: c.json/run: cannot be written: {tmp_path}/c.json is not a folder\n"
    )


def test_an_output_may_be_a_file_or_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def write(arguments: argparse.Namespace) -> None:
        """Write."""

    command = Command("package", "Does things.")
    for name, either in (("file", False), ("either", True)):
        verb = command.verb(name, write)
        verb.add_output("--out", or_folder=either)
    assert command.main(["either", "--out", str(tmp_path)]) == 0
    assert command.main(["either", "--out", str(tmp_path / "a")]) == 0
    assert command.main(["file", "--out", str(tmp_path)]) == 1
    assert capsys.readouterr().err.endswith(f"error: {tmp_path}: is a folder, not a file to write\n")


def test_a_seed_fits_every_generator() -> None:
    assert seed("0") == 0 and seed("4294967295") == 2**32 - 1
    for text in ("-1", "4294967296", "1.5", "9" * 5000):
        with pytest.raises(argparse.ArgumentTypeError, match="must be a whole number from 0 to 4294967295, got"):
            seed(text)


def test_whole_numbers_and_short_messages_about_long_ones(capsys: pytest.CaptureFixture[str]) -> None:
    command = Command("package", "Does things.")
    command.verb("act", act).add_argument("--how", type=whole_number(1))
    for text in ("0", "-1", "1.0", "x", "9" * 5000, "²", ""):
        with pytest.raises(SystemExit) as stop:
            command.main(["act", "--how", text])
        error = capsys.readouterr().err
        assert stop.value.code == 2 and "--how: must be a whole number from 1" in error and len(error) < 200
    assert command.main(["act", "--how", "9" * 18]) == 0


def test_an_error_of_ours_keeps_its_traceback(command: Command) -> None:
    with pytest.raises(ZeroDivisionError):
        command.main(["act", "--how", "buggy"])


@pytest.mark.parametrize("arguments", [[], ["do"], ["act"], ["act", "--how"], ["act", "--how", "well", "--now"]])
def test_wrong_arguments_are_2_and_one_line(
    command: Command, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        command.main(arguments)
    assert stop.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith("python -m package") and ": error: " in error and error.count("\n") == 1


def test_help_is_the_docstring_as_it_stands(command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        command.main(["act", "--help"])
    assert stop.value.code == 0
    assert "Do what is told.\n\nExample:\n  python -m package act --how well\n" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        command.main(["--help"])
    output = capsys.readouterr().out
    assert "Do what is told." in output and "Example" not in output  # the first line in the list of verbs


def test_objects_are_frozen_when_a_command_ends() -> None:
    # What is registered first runs last.
    script = '''
import atexit, gc
atexit.register(lambda: print(gc.get_freeze_count() > 0, gc.get_threshold()[0]))
from cli import Command
def act(arguments):
    """Do nothing."""
command = Command("package", "Does things.")
command.verb("act", act)
command.main(["act"])
print(gc.get_freeze_count())
'''
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["0", "True", str(NEW_OBJECTS)]


@pytest.mark.parametrize(
    ("problem", "cause"),
    [
        (MemoryError(), "nothing is left"),
        (MemoryError("Unable to allocate 4.00 TiB"), "Unable to allocate 4.00 TiB"),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: 9 bytes\nmore"), "bytes more"),
        (type("OutOfMemoryError", (RuntimeError,), {})("CUDA out of memory"), "CUDA out of memory"),
        (RuntimeError("can't start new thread"), "can't start new thread"),
        (ImportError("x.so: failed to map segment from shared object"), "failed to map segment from shared object"),
    ],
)
def test_too_little_memory_is_one_line(capsys: pytest.CaptureFixture[str], problem: Exception, cause: str) -> None:
    def fill(arguments: argparse.Namespace) -> None:
        """Fill the memory."""
        raise problem

    command = Command("package", "Does things.")
    command.verb("fill", fill)
    assert command.main(["fill"]) == 1
    error = capsys.readouterr().err
    assert error.startswith("python -m package fill: error: out of memory: ")
    assert error.endswith(f"{cause} (run fewer jobs at a time)\n") and error.count("\n") == 1


def test_other_errors_keep_their_traceback() -> None:
    def fail(arguments: argparse.Namespace) -> None:
        """Fail."""
        raise RuntimeError("a bug")

    command = Command("package", "Does things.")
    command.verb("fail", fail)
    with pytest.raises(RuntimeError, match="a bug"):
        command.main(["fail"])
