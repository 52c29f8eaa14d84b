"""Runs the jobs of one checkout in a process of its own; `benchmarks/floor.py` starts it and talks to it in JSON lines.

    python worker.py CHECKOUT FOLDER THREADS [REFERENCE]

FOLDER holds rows.jsonl and sizes.json of each recipe. The checkout may be an older version (modules and the format of
the stores have changed since 999c15f), so this writes the stores with the checkout's own code, imports little, and by
any of the names that things have had. With REFERENCE, a checkout of wjun0830/QD-DETR, that is what runs.
"""

from __future__ import annotations

import importlib
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

CUT = 8
"""How much shorter the videos of a cut step are; its widths are `CUT_WIDTH`."""
CUT_WIDTH = 16


def first_of(*names: str) -> Any:
    """The attribute MODULE:NAME that exists."""
    for name in names:
        module, _, attribute = name.partition(":")
        try:
            return getattr(importlib.import_module(module), attribute)
        except (ImportError, AttributeError):
            continue
    raise SystemExit(f"none of {', '.join(names)} exists")


def write_stores(folder: Path) -> list[Path]:
    """Write stores of random features of the sizes in sizes.json."""
    write = first_of("formats.store:write_store", "feature_extractors.store:write_store")
    provenance = first_of("formats.store:Provenance", "feature_extractors.store:Provenance")
    sizes = json.loads((folder / "sizes.json").read_text(encoding="utf-8"))
    rng = np.random.default_rng(0)
    own = Path(tempfile.mkdtemp(dir=folder))

    def clips(dim: int, dtype: str) -> Callable[[str], dict[str, Any]]:
        def encode(vid: str) -> dict[str, Any]:
            starts = 2.0 * np.arange(sizes["clips"][vid])
            features = rng.standard_normal((len(starts), dim), dtype=np.float32).astype(dtype)
            return {"features": features, "times": np.stack([starts, starts + 2.0], axis=1)}

        return encode

    def words(_: str) -> dict[str, Any]:
        tokens = rng.standard_normal(sizes["text"], dtype=np.float32)
        return {"tokens": tokens, "pooled": tokens[:1]}

    columns = {"n_clips": np.array(list(sizes["clips"].values()))}
    paths = []
    for stream, dim in {**sizes["video"], **sizes["audio"]}.items():
        paths.append(own / f"{stream}.h5")
        dtype = sizes["dtype"] if stream in sizes["video"] else "float32"
        about = provenance(stream, "benchmark", "0", "{}", 2.0)
        write(paths[-1], about, list(sizes["clips"]), clips(dim, dtype), columns)
    paths.append(own / "clip_text.h5")
    write(paths[-1], provenance("clip_text", "benchmark", "0", "{}", 0.0), sizes["queries"], words, {})
    return paths


class Jobs:
    """Training and inference of this project."""

    def __init__(self, checkout: Path, folder: Path) -> None:
        self._checkout, self._folder = checkout, folder
        self._made: dict[str, Any] = {}

    def get(self, recipe: str, what: str) -> Callable[[], object]:
        """The job of a recipe: `infer`, or a step in a precision, joined or not, cut or not: `float32 joined cut`."""
        made = self._made.get(f"{recipe} {what}")
        if made is None:
            made = self._made[f"{recipe} {what}"] = self._make(recipe, what.split())
        job: Callable[[], object] = made.infer if what == "infer" else made.step
        return job

    def _make(self, recipe: str, words: list[str]) -> Any:
        """What the checkout's own benchmark times: its `Ours` of a recipe."""
        precision, cut = "float32" if words == ["infer"] else words[0], "cut" in words
        folder = self._folder / (f"{recipe}_cut" if cut else recipe)
        stores = write_stores(folder)
        training = importlib.import_module("benchmarks.training")
        model, train = self._settings(recipe)
        if cut:
            sizes = {"hidden_dim": CUT_WIDTH, "feedforward_dim": CUT_WIDTH}
            model = type(model).from_dict({**model.to_dict(), **sizes})
        joins = {"joins": True} if "joined" in words else {}  # an earlier version has no such argument
        ours = training.Ours(SimpleNamespace(model=model, train=train), folder, stores, precision, **joins)
        passes = getattr(ours.engine, "_pass_clips", None)
        if cut and passes:
            # As many passes per step as in the whole step.
            ours.engine._pass_clips = passes * (CUT_WIDTH / self._settings(recipe)[0].hidden_dim) ** 2 / CUT
        return ours

    def _settings(self, recipe: str) -> tuple[Any, Any]:
        if recipe == "demo":
            import yaml

            config = yaml.safe_load((self._checkout / "config.yaml").read_text(encoding="utf-8"))
            kinds = [first_of(f"model.config:{name}") for name in ("ModelConfig", "TrainConfig")]
            model, train = (kind.from_dict(config[name]) for kind, name in zip(kinds, ("model", "train"), strict=True))
            return model, train
        found = first_of(*(f"benchmarks.{name}:{recipe.upper()}" for name in ("recipes", "training")))
        return found.model, found.train


class ReferenceJobs:
    """Training and inference of wjun0830/QD-DETR. Its batches are made before the time starts."""

    def __init__(self, reference: Path, folder: Path) -> None:
        self._reference, self._folder = reference, folder
        self._made: dict[str, Any] = {}

    def get(self, recipe: str, what: str) -> Callable[[], object]:
        """The job of a recipe: `infer`, or `float32`, a step."""
        if recipe not in self._made:
            found = first_of(f"benchmarks.recipes:{recipe.upper()}")
            width = sum(found.streams.values())
            kind = first_of("benchmarks.reference:Reference")
            self._made[recipe] = kind(self._reference, found.name, self._folder / recipe, width), found
        reference, found = self._made[recipe]
        inputs, targets = next(reference.batches(100 if what == "infer" else found.train.batch_size))
        return (lambda: reference.predict(inputs)) if what == "infer" else (lambda: reference.step(inputs, targets))


def answer(jobs: Jobs | ReferenceJobs, made: dict[str, Callable[[], object]], request: dict[str, Any]) -> Any:
    """Carry out a request: {"do": run or count, "recipe": ..., "what": ...}."""
    key = f"{request['recipe']} {request['what']}"
    if key not in made:
        made[key] = jobs.get(request["recipe"], request["what"])
    job = made[key]
    if request["do"] == "run":
        start = time.process_time()
        job()
        return time.process_time() - start
    counted = importlib.import_module("counting").count(job)
    products = [[*shape, operations] for shape, operations in counted.products.items()]
    return {"products": products, "operators": counted.operators, "moved": counted.moved}


def requests() -> Iterator[dict[str, Any]]:
    """What the parent asks for, until it closes the pipe."""
    for line in sys.stdin:
        yield json.loads(line)


def main() -> None:
    """Answer requests."""
    checkout, folder, threads, *reference = sys.argv[1:]
    answers, sys.stdout = sys.stdout, sys.stderr  # what others print is no answer
    sys.path[0] = checkout
    sys.path.append(str(Path(__file__).parent))
    import torch

    torch.set_num_threads(int(threads))
    jobs = ReferenceJobs(Path(reference[0]), Path(folder)) if reference else Jobs(Path(checkout), Path(folder))
    made: dict[str, Callable[[], object]] = {}
    for request in requests():
        result = answer(jobs, made, request)
        answers.write(json.dumps({"result": result, "cpu": time.process_time()}) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
