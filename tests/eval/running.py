"""Runs verbs of `python -m eval` in the process of the test."""

from __future__ import annotations

from eval.__main__ import build_command


def run(*arguments: object) -> int:
    """Run a command line and return its exit status."""
    return build_command().main([str(argument) for argument in arguments])
