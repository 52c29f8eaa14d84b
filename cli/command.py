"""One argument parser per package: `python -m PACKAGE VERB`, with one clear line for a user's mistake."""

from __future__ import annotations

import argparse
import atexit
import gc
import inspect
import io
import logging
import socket
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from cli.configuration import file_of
from cli.errors import UserError, one_line
from cli.machine import is_out_of_memory
from cli.outputs import check_folder, check_outputs
from cli.ownership import scheduler_job
from cli.software import note_software

MOST_DIGITS = 18
INTERRUPTED = 130
"""Exit status after Ctrl-C, as of a shell."""
NEW_OBJECTS = 5_000
"""New objects between two garbage collections; Python's own 700 makes it collect a thousand times while torch and
open_clip are imported."""
# Libraries that only an extra of the distribution installs, by import name. A test compares this with pyproject.toml.
EXTRAS = {
    "features": {
        "PIL",
        "av",
        "huggingface_hub",
        "open_clip",
        "safetensors",
        "soxr",
        "timm",
        "torch",
        "torchaudio",
        "torchvision",
        "transformers",
    },
    "model": {"torch"},
    "tensorboard": {"tensorboard"},
}


class Verb(argparse.ArgumentParser):
    """The arguments of one verb. Those that name its outputs are added by `add_output` and `add_output_folder`."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._outputs: dict[str, bool] = {}
        self._folders: dict[str, Sequence[str]] = {}

    def add_output(self, *names: str, or_folder: bool = False, **options: Any) -> None:
        """Add an argument for a file to write (or, with `nargs`, several); with `or_folder` it may be a folder."""
        self._outputs[self.add_argument(*names, type=Path, **options).dest] = or_folder

    def add_output_folder(self, *names: str, files: Sequence[str] = (), **options: Any) -> None:
        """Add an argument for a folder to write into.

        Args:
            files: names of the files that the verb always writes there, if they are known in advance. None of them may
                be an input.
        """
        self._folders[self.add_argument(*names, type=Path, **options).dest] = files

    def names_outputs(self, name: str) -> bool:
        """Whether an argument, by its name in the namespace, names an output of the verb."""
        return name in self._outputs or name in self._folders

    def check_files(self, parsed: argparse.Namespace) -> None:
        """Check the outputs of a command line by `check_outputs` and `check_folder`; do nothing if none was added."""
        outputs: list[Path] = []
        inputs: list[Path] = []
        for name, value in vars(parsed).items():
            paths = [path for item in (value if isinstance(value, list) else [value]) if (path := _as_path(item))]
            if not self.names_outputs(name):
                inputs += paths
            for path in paths:
                if name in self._folders or (self._outputs.get(name) and path.is_dir()):
                    check_folder(path)
                    outputs += [path / file for file in self._folders.get(name, ())]
                elif name in self._outputs:
                    outputs.append(path)
        if outputs:
            check_outputs(outputs, inputs)

    def error(self, message: str) -> NoReturn:
        """Print one line, without the usage, and exit."""
        self.exit(2, f"{self.prog}: error: {message}\n")


class Command:
    """The verbs of one package.

    Each verb is a function that takes the parsed arguments and may return an exit status. A `UserError` or `OSError`
    that it raises is printed as one line on stderr, with exit status 1. So are the failed import of a library that an
    extra of the distribution installs, and too little memory. Ctrl-C ends a verb with one line and status 130. Wrong
    arguments exit with status 2. A verb that adds its outputs by `Verb.add_output` or `add_output_folder` does not run
    if one of them cannot be written or would overwrite an input.

    Args:
        package: name of the package that the verbs belong to.
        description: one line for `--help`.
        extra: the extra of the distribution that the package needs; None if the core is enough.
    """

    def __init__(self, package: str, description: str, extra: str | None = None) -> None:
        self._extra = extra
        self._parser = Verb(prog=f"python -m {package}", description=description)
        self._verbs = self._parser.add_subparsers(metavar="VERB", required=True)

    def verb(self, name: str, run: Callable[[argparse.Namespace], int | None]) -> Verb:
        """Add a verb, with the docstring of `run` as its help. Returns the parser to add arguments to."""
        text = inspect.cleandoc(run.__doc__ or "")
        formatter = argparse.RawDescriptionHelpFormatter
        parser = self._verbs.add_parser(name, help=text.splitlines()[0], description=text, formatter_class=formatter)
        parser.set_defaults(_run=run, _verb=parser)
        return parser

    def main(self, arguments: Sequence[str] | None = None) -> int:
        """Run one verb; returns the exit status."""
        gc.set_threshold(NEW_OBJECTS)
        # A third of the CPU time of a short command that imports torch, transformers or open_clip is the search for
        # garbage among their objects when the process ends. Frozen objects are not searched.
        atexit.register(gc.freeze)
        parsed = self._parser.parse_args(arguments)
        # Escape names that are not UTF-8 or that the terminal cannot encode; stderr does so by default.
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="backslashreplace")
        logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr, force=True)
        if job := scheduler_job():
            # The log of a job that is killed is not empty then: Snakemake shows no log after an empty one.
            sys.stderr.write(f"{job} on {socket.gethostname()}\n")
        try:
            parsed._verb.check_files(parsed)
            status: int | None = parsed._run(parsed)
        except ModuleNotFoundError as problem:
            extra = _find_extra(problem.name, self._extra)
            if extra is None:
                raise
            line = f"needs {problem.name}: pip install 'av-highlights[{extra}]'"
        except KeyboardInterrupt:
            sys.stderr.write(f"{parsed._verb.prog}: interrupted\n")
            return INTERRUPTED
        except (UserError, OSError) as problem:
            line = " ".join(_describe(problem).split())
        except Exception as problem:
            if not is_out_of_memory(problem):
                raise
            line = f"out of memory: {one_line(problem) or 'nothing is left'} (run fewer jobs at a time)"
        else:
            note_software(parsed._verb.prog.removeprefix("python -m ").replace(" ", "."))
            return status or 0
        sys.stderr.write(f"{parsed._verb.prog}: error: {line}\n")
        return 1


def _find_extra(library: str | None, preferred: str | None) -> str | None:
    """The extra that installs a library: the preferred one if it does, else the first; None if no extra does."""
    extras = [extra for extra, libraries in EXTRAS.items() if library in libraries]
    return preferred if preferred in extras else next(iter(extras), None)


def _describe(problem: Exception) -> str:
    """`/out/a.json: permission denied` rather than `[Errno 13] Permission denied: '/out/a.json'`."""
    if isinstance(problem, OSError) and problem.filename is not None and problem.strerror:
        return f"{problem.filename}: {problem.strerror.lower()}"
    return str(problem)


def _as_path(value: object) -> Path | None:
    """The file or folder that an argument names. Settings may also come from a file."""
    if isinstance(value, str):
        return file_of(value)
    return value if isinstance(value, Path) else None


def whole_number(least: int, or_all: bool = False) -> Callable[[str], int]:
    """The `type` of a whole-number argument from `least` to below 10^18; with `or_all` also -1, for all."""
    also = " (or -1, all)" if or_all else ""

    def read(text: str) -> int:
        if or_all and text == "-1":
            return -1
        # Python refuses to read thousands of digits, and argparse would print them all.
        if not text.isdecimal() or len(text) > MOST_DIGITS or int(text) < least:
            shown = repr(text) if len(text) <= 2 * MOST_DIGITS else f"{text[:MOST_DIGITS]!r}..."
            raise argparse.ArgumentTypeError(
                f"must be a whole number from {least}{also} of at most 18 digits, got {shown}"
            )
        return int(text)

    return read


def seed(text: str) -> int:
    """The `type` of a seed: a whole number that NumPy and torch both take, 0 to 2^32 - 1."""
    if not text.isdecimal() or len(text) > MOST_DIGITS or int(text) >= 2**32:
        raise argparse.ArgumentTypeError(f"must be a whole number from 0 to {2**32 - 1}, got {text[:MOST_DIGITS]!r}")
    return int(text)
