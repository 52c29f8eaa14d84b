"""Curves as short text: three characters per two values, which a browser unpacks faster than it parses numbers.

A value is one of 895 equal steps from the lowest to the highest value of its scale, which is as fine as a screen, or a
gap. Two of them are one number of three digits in base 93, the printable ASCII characters that JSON need not escape.
Numbers as JSON would take four times the space, and the page of QVHighlights' validation split 40 MB for three runs.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from formats.arrays import Floats

ALPHABET = "".join(map(chr, (code for code in range(0x20, 0x7F) if chr(code) not in '"\\')))
BASE, CODES = len(ALPHABET), 896
STEPS, GAP = CODES - 2, CODES - 1
"""The code of the highest value, if that of the lowest one is 0, and the code of a gap."""
_LETTERS = np.frombuffer(ALPHABET.encode("ascii"), np.uint8)

Curve = list[Any]
"""[lowest value, highest value, text]."""
Curves = list[Any]
"""[lowest value, highest value, [text, ...]]: curves on one scale."""


def pack(values: Floats) -> Curve:
    """Pack the values (n,) of one curve; NaN is a gap."""
    low, high, texts = pack_rows(values[None])
    return [low, high, texts[0]]


def pack_rows(values: Floats) -> Curves:
    """Pack the rows of values (curves, n) on one scale; NaN is a gap."""
    known = np.isfinite(values)
    # Six digits are those of the logs. The ends are rounded first, so that codes are exact for what is written.
    low, high = (_round(end(values[known])) for end in (np.min, np.max)) if known.any() else (0.0, 0.0)
    steps = np.rint((np.where(known, values, low) - low) / ((high - low) or 1.0) * STEPS)
    codes = np.where(known, np.clip(steps, 0, STEPS), GAP).astype(np.intp)
    even = codes.shape[1] // 2 * 2
    pairs = codes[:, 0:even:2] * CODES + codes[:, 1:even:2]
    digits = np.stack([pairs // BASE**2, pairs // BASE % BASE, pairs % BASE], axis=-1).reshape(len(codes), -1)
    # An odd number of values ends with two characters.
    last = codes[:, even:]
    digits = np.concatenate([digits, last // BASE, last % BASE], axis=1)
    return [low, high, [row.tobytes().decode("ascii") for row in _LETTERS[digits]]]


def unpack(curve: Curve) -> Floats:
    """What the page reads of one curve, (n,), with NaN for gaps."""
    low, high, text = curve
    digits = [ALPHABET.index(character) for character in text]
    codes: list[int] = []
    for place in range(0, len(digits) - 2, 3):
        pair = (digits[place] * BASE + digits[place + 1]) * BASE + digits[place + 2]
        codes += [pair // CODES, pair % CODES]
    if len(digits) % 3:
        codes.append(digits[-2] * BASE + digits[-1])
    steps = np.array(codes, dtype=np.float64)
    return np.where(steps == GAP, np.nan, low + steps / STEPS * (high - low))


def _round(value: float) -> float:
    return float(f"{value:.6g}")
