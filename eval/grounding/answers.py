"""The moments that a language model's answer names, read as the public benchmarks read them.

The two differ: "8.0 to 3.0" is no moment for TimeLens and [3, 8] for Charades-STA, and "00:18.5 - 00:23.5" is [18.5,
23.5] for TimeLens and [0, 18.5] for Charades-STA. So an answer is read as in the benchmark that it was given for.

Sources: TencentARC/TimeLens, timelens/utils.py; EvolvingLMMs-Lab/lmms-eval, tasks/timelens and tasks/charades_sta.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

Moment = tuple[float, float]
"""Start and end in seconds."""

_CLOCK = re.compile(r"\b\d{1,2}(?::\d{2}){1,2}(?:\.\d+)?\b")
_WHOLE_CLOCK = r"\d{1,2}(?::\d{2}){1,2}"
_DECIMAL = r"\d+(?:\.\d+)?"
_TIMELENS_RANGES = tuple(re.compile(rf"(\d+\.?\d*){mark}(\d+\.?\d*)") for mark in (r"\s*-\s*", r"\s+to\s+"))
_NUMBER = re.compile(rf"\b{_DECIMAL}\b")
_CLOCK_RANGE = re.compile(rf"\b({_WHOLE_CLOCK})\s*[–-]\s*({_WHOLE_CLOCK})\b")
_NUMBER_RANGE = re.compile(rf"({_DECIMAL})\s*[–-]\s*({_DECIMAL})")
_SECONDS_RANGE = re.compile(rf"({_DECIMAL})\s*s?\s*[–-]\s*({_DECIMAL})")
_EXAMPLE = "a specific example is : 20.8 - 30.0 seconds"
"""Part of a prompt that some answers repeat."""


def read_timelens(answer: str) -> list[Moment]:
    """All moments of an answer, in the order named; TimeLens scores the first. They may be reversed.

    The first of these that finds any: clock times (`1:05`, `0:01:05.5`) in pairs, `3.5 - 8`, `3.5 to 8`, all numbers in
    pairs.
    """
    text = answer.lower()
    if clocks := _pair([_to_seconds(time) for time in _CLOCK.findall(text)]):
        return clocks
    for pattern in _TIMELENS_RANGES:
        if found := pattern.findall(text):
            return [(float(start), float(end)) for start, end in found]
    return _pair([float(number) for number in _NUMBER.findall(text)])


def read_charades(answer: str) -> list[Moment]:
    """The moment of an answer as lmms-eval reads it for Charades-STA, none or one, with the smaller number first.

    Only sentences (which end with !, ? or a line) that speak of a start, an end or a happening are read, or all if none
    does; "to" counts as a dash. The first of these that finds any: a range of clock times in whole seconds, a range of
    numbers, two clock times, the first numbers of two sentences, a range of numbers with an s.
    """
    sentences = re.split(r"[!?\n]", answer.lower().replace(_EXAMPLE, "").replace("to", "-"))
    telling = [sentence for sentence in sentences if any(word in sentence for word in ("start", "end", "happen"))]
    sentences = telling or sentences
    found = (
        _first_range(_CLOCK_RANGE, sentences)
        or _first_range(_NUMBER_RANGE, sentences)
        or _pair([_to_seconds(time) for text in sentences for time in re.findall(rf"\b{_WHOLE_CLOCK}\b", text)])
        or _pair([float(number[0]) for text in sentences if (number := _NUMBER.findall(text))])
        or _first_range(_SECONDS_RANGE, sentences)
    )
    return [(min(moment), max(moment)) for moment in found[:1]]


def write_answer(moment: Moment) -> str:
    """An answer that both read as this moment, to four decimals and never in powers of ten."""
    start, end = (f"{seconds:.4f}".rstrip("0").removesuffix(".") for seconds in moment)
    return f"The event happens in {start} - {end} seconds."


def _first_range(pattern: re.Pattern[str], sentences: Sequence[str]) -> list[Moment]:
    for sentence in sentences:
        if found := pattern.findall(sentence):
            return [(_to_seconds(start), _to_seconds(end)) for start, end in found]
    return []


def _pair(times: Sequence[float]) -> list[Moment]:
    """Numbers in pairs; one that is left over is dropped."""
    return list(zip(times[::2], times[1::2], strict=False))


def _to_seconds(clock: str) -> float:
    """Convert 12, 12.5, 1:05, 1:05.5 or 0:01:05.5 to seconds."""
    seconds = 0.0
    for part in clock.split(":"):
        seconds = 60 * seconds + float(part)
    return seconds
