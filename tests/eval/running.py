"""Verbs of `python -m eval` run within the test."""

from __future__ import annotations

from eval.__main__ import build_command


def run(*arguments: object) -> int:
    """Exit status of a command line."""
    return build_command().main([str(argument) for argument in arguments])
