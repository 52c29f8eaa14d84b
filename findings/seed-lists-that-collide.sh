#!/usr/bin/env bash
# Lists of numbers that differ by zeros at the end seed the same random stream.
#
# Believed: `numpy.random.default_rng([seed, epoch])` and `default_rng([seed, epoch, batch])` are different, independent generators
#   (common reading of NumPy's documentation of `SeedSequence`, whose aim is independent streams).
# Version: numpy==2.4.6.
# Seen: entropy shorter than the pool of four 32-bit words is filled up with zeros, and an integer is cut into such words, lowest
#   first. So zeros at the end of up to four numbers are lost, a list equals a large integer, and the collision ends at the fifth
#   number. `SeedSequence(entropy, spawn_key=...)` keeps them apart.
# Output:
#   [7, 3]               [727, 975, 538, 884, 347, 231]  [7, 3, 0]            [727, 975, 538, 884, 347, 231]  same
#   [7, 3]               [727, 975, 538, 884, 347, 231]  [7, 3, 0, 0]         [727, 975, 538, 884, 347, 231]  same
#   7                    [944, 625, 684, 897, 578, 775]  [7, 0]               [944, 625, 684, 897, 578, 775]  same
#   12884901895          [727, 975, 538, 884, 347, 231]  [7, 3]               [727, 975, 538, 884, 347, 231]  same
#   [7, 3]               [727, 975, 538, 884, 347, 231]  [7, 3, 0, 0, 0]      [515, 316, 957, 181, 778, 302]  different
#   [7, 3]               [727, 975, 538, 884, 347, 231]  [7, 3, 1]            [718, 532, 254, 52, 369, 788]  different
#   [7, 3]               [727, 975, 538, 884, 347, 231]  [0, 7, 3]            [387, 876, 67, 897, 456, 95]  different
#   7 spawn_key=(3,)     [479, 982, 324, 60, 151, 11]  7 spawn_key=(3, 0)   [732, 845, 483, 262, 547, 152]  different
# Why it matters: training draws one generator per run, per epoch, per batch and per sample, each from a list of numbers that count
#   from 0. The shuffle of epoch 3 then draws the same numbers as the dropout of that epoch's first batch:
#   what should be independent is correlated, reproducibly, in every run. Put a fixed number other than 0 at the end of each list.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import numpy as np


def draw(entropy, spawn_key=()) -> list[int]:
    seed = np.random.SeedSequence(entropy, spawn_key=spawn_key)
    return np.random.default_rng(seed).integers(1000, size=6).tolist()


assert draw([7, 3]) == np.random.default_rng([7, 3]).integers(1000, size=6).tolist()
pairs = [
    (([7, 3],), ([7, 3, 0],), True),
    (([7, 3],), ([7, 3, 0, 0],), True),
    ((7,), ([7, 0],), True),
    ((7 + 3 * 2**32,), ([7, 3],), True),
    (([7, 3],), ([7, 3, 0, 0, 0],), False),
    (([7, 3],), ([7, 3, 1],), False),
    (([7, 3],), ([0, 7, 3],), False),
    ((7, (3,)), (7, (3, 0)), False),
]
changed = False
for first, second, same in pairs:
    left, right = draw(*first), draw(*second)
    names = [str(one[0]) if len(one) == 1 else f"{one[0]} spawn_key={one[1]}" for one in (first, second)]
    print(f"{names[0]:20} {left}  {names[1]:20} {right}  {'same' if left == right else 'different'}")
    changed |= (left == right) is not same
sys.exit("the behaviour has changed" if changed else 0)
PYTHON
