"""The front door: find moments in videos, from the command line and from Python.

    from av_highlights import MomentFinder

    finder = MomentFinder.load("bundle")
    for answer in finder.find("video.mp4", ["a siren is heard"]):
        print(answer.query, answer.moments[:3])

Importing this package loads nothing heavy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from av_highlights.answers import Answer, LayerGates, Moment
    from av_highlights.bundle import Bundle, load_bundle
    from av_highlights.finder import MomentFinder
    from av_highlights.ranking import RankedMoment, rank_moments
    from av_highlights.search import Search, find_in_all
    from cli import UserError

_HOMES = {
    "Answer": "answers",
    "Bundle": "bundle",
    "LayerGates": "answers",
    "Moment": "answers",
    "MomentFinder": "finder",
    "RankedMoment": "ranking",
    "Search": "search",
    "find_in_all": "search",
    "load_bundle": "bundle",
    "rank_moments": "ranking",
}
__all__ = [
    "Answer",
    "Bundle",
    "LayerGates",
    "Moment",
    "MomentFinder",
    "RankedMoment",
    "Search",
    "UserError",
    "find_in_all",
    "load_bundle",
    "rank_moments",
]


def __getattr__(name: str) -> Any:
    """Load a name when it is first used: torch takes seconds."""
    if name == "UserError":
        return import_module("cli").UserError
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
