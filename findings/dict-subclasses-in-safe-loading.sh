#!/usr/bin/env bash
# Allowing a class in torch's safe loading does not help if it is a subclass of dict or list.
#
# Believed: `torch.load(..., weights_only=True)` loads "any types added via add_safe_globals" (its docstring), and its error message says
#   to add the class that it did not know.
# Version: torch==2.13.0, easydict==1.14.
# Seen: without the class, the message asks for it (`add_safe_globals([EasyDict])`). With it, loading ends in another error, because the
#   instructions that fill a dictionary or a list accept only dict, OrderedDict, Counter and list by exact type. An empty EasyDict
#   loads, a filled one does not; the same holds for any filled subclass of dict or list. An object with attributes
#   (argparse.Namespace) loads once it is allowed. What does help is to allow another class under that name: OrderedDict, since dict
#   itself fails at the attributes that EasyDict saves too.
# Output:
#   options as dict: loads
#   options as Namespace, not allowed: Unsupported global: GLOBAL argparse.Namespace
#   options as Namespace, allowed: loads
#   options as EasyDict, not allowed: Unsupported global: GLOBAL easydict.EasyDict
#   options as EasyDict, allowed: Can only SETITEMS for dict, collections.OrderedDict, collections.Counter, but got EasyDict
#   EasyDict under the name of OrderedDict: loads
#   empty EasyDict, allowed: loads
#   list subclass, allowed: Can only extend lists, but got Names
# Why it matters: models for moment retrieval save their options as EasyDict next to the weights, and the message suggests a step that
#   does not load them. Allow `(OrderedDict, "easydict.EasyDict")` instead, or save `dict(options)`.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.4.6 easydict==1.14
"$folder/venv/bin/python" - <<'PYTHON'
import argparse
import io
import re
import sys
from collections import OrderedDict

import torch
from easydict import EasyDict


class Names(list):
    """A list with a type of its own."""


def load(value, allowed) -> str:
    """What comes of saving `value` next to weights and loading it safely."""
    file = io.BytesIO()
    torch.save({"weights": torch.zeros(2), "options": value}, file)
    file.seek(0)
    try:
        with torch.serialization.safe_globals(allowed):
            loaded = torch.load(file, weights_only=True)["options"]
    except Exception as problem:  # noqa: BLE001
        found = re.search(r"(Unsupported global: GLOBAL [\w.]+|Can only [^\n]*)", str(problem))
        return re.sub(r"<class '(?:\w+\.)*(\w+)'>", r"\1", found[1]) if found else type(problem).__name__
    return "loads" if loaded == value else "loads something else"


CASES = [
    ("options as dict", {"lr": 0.1, "heads": 8}, [], "loads"),
    ("options as Namespace, not allowed", argparse.Namespace(lr=0.1, heads=8), [], "Unsupported"),
    ("options as Namespace, allowed", argparse.Namespace(lr=0.1, heads=8), [argparse.Namespace], "loads"),
    ("options as EasyDict, not allowed", EasyDict(lr=0.1, heads=8), [], "Unsupported"),
    ("options as EasyDict, allowed", EasyDict(lr=0.1, heads=8), [EasyDict], "Can only"),
    (
        "EasyDict under the name of OrderedDict",
        EasyDict(lr=0.1, heads=8),
        [(OrderedDict, "easydict.EasyDict")],
        "loads",
    ),
    ("empty EasyDict, allowed", EasyDict(), [EasyDict], "loads"),
    ("list subclass, allowed", Names(["a", "b"]), [Names], "Can only"),
]
changed = False
for name, value, allowed, expected in CASES:
    seen = load(value, allowed)
    print(f"{name}: {seen}")
    changed |= not seen.startswith(expected)
sys.exit("the behaviour has changed" if changed else 0)
PYTHON
