"""Metrics and values of runs as `score` writes them: (file name, content)."""

from __future__ import annotations


def metrics(run, seed, r1, scope=None, **parts):
    about = {"run": run, "seed": seed} | ({"scope": scope} if scope else {})
    subsets = {f"modality={name}": {"queries": 5, "MR-full-R1@0.5": value} for name, value in parts.items()}
    return f"{run}-{scope}-{seed}.json", {"brief": {"MR-full-R1@0.5": r1}, "subsets": subsets, "about": about}


def values(run, seed, numbers, scope="all", qids=None):
    about = {"run": run, "seed": seed, "scope": scope}
    qids = list(range(len(numbers))) if qids is None else qids
    return f"{run}-{seed}.values.json", {"about": about, "qids": qids, "values": {"MR-full-R1@0.5": numbers}}


def covered(file, queries, of):
    name, content = file
    return name, content | {"about": content["about"] | {"coverage": {"queries": queries, "of": of}}}
