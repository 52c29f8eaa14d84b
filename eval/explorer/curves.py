"""Curves as short text: two characters per value, which a browser unpacks faster than it parses numbers.

A value is one of 4,095 equal steps from the curve's lowest to its highest value, which is finer than a screen. The
4,096th code is a gap. Numbers as JSON would take three times the space: the page of QVHighlights' validation split
would be 30 MB for three runs.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from formats.arrays import Floats

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
STEPS = 4094
"""Code of the highest value; that of the lowest one is 0."""
GAP = 4095
_PAIRS = np.array([high + low for high in ALPHABET for low in ALPHABET], dtype="S2")

Curve = dict[str, Any]
"""{"low", "high", "codes"}: ends of the scale, and two characters of `ALPHABET` per value, high digit first."""


def pack(values: Floats) -> Curve:
    """Pack the values (n,) of one curve; NaN is a gap."""
    return pack_rows(values[None])[0]


def pack_rows(values: Floats) -> list[Curve]:
    """Pack the rows of values (curves, n), each on its own scale; NaN is a gap."""
    known = np.isfinite(values)
    # Six digits are those of the logs. The ends are rounded first, so that codes are exact for what is written.
    lows = [_round(row[mask].min()) if mask.any() else 0.0 for row, mask in zip(values, known, strict=True)]
    highs = [_round(row[mask].max()) if mask.any() else 0.0 for row, mask in zip(values, known, strict=True)]
    low, high = np.array(lows)[:, None], np.array(highs)[:, None]
    span = np.where(high > low, high - low, 1.0)
    codes = np.where(known, np.clip(np.rint((np.where(known, values, low) - low) / span * STEPS), 0, STEPS), GAP)
    texts = _PAIRS[codes.astype(np.intp)]
    return [
        {"low": start, "high": end, "codes": row.tobytes().decode("ascii")}
        for start, end, row in zip(lows, highs, texts, strict=True)
    ]


def unpack(curve: Curve) -> Floats:
    """What the page reads, (n,), with NaN for gaps."""
    codes = curve["codes"]
    digits = np.array([ALPHABET.index(character) for character in codes], dtype=np.float64).reshape(-1, 2)
    steps = digits[:, 0] * len(ALPHABET) + digits[:, 1]
    values = curve["low"] + steps / STEPS * (curve["high"] - curve["low"])
    return np.where(steps == GAP, np.nan, values)


def _round(value: float) -> float:
    return float(f"{value:.6g}")
