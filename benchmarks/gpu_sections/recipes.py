"""The data and recipes that are trained: those of `benchmarks/recipes.py`, and the demo's; smaller in a dry run."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from benchmarks.gpu_sections.record import Record
from benchmarks.recipes import QVHIGHLIGHTS, TVSUM, Recipe, write_files
from model.config import ModelConfig, TrainConfig

SMALL = {"hidden_dim": 64, "n_heads": 4, "feedforward_dim": 256}
DEMO = Recipe(
    "hl",
    [20] * 40,
    {"clip_visual": 64},
    ModelConfig.from_dict({**SMALL, "fusion": "none", "video_streams": ["clip_visual"]}),
    TrainConfig(batch_size=16, learning_rate=7e-4),
)
"""A network and videos of the demo's size; without gates, so that data and network differ by their size alone."""
RECIPES = {"QVHighlights": QVHIGHLIGHTS, "TVSum": TVSUM, "demo": DEMO}


def recipe_of(name: str, record: Record) -> Recipe:
    """The recipe called QVHighlights, TVSum or demo."""
    recipe = RECIPES[name]
    if not record.dry:
        return recipe
    lengths = [8, 12, 16, 20] if name == "TVSum" else [12] * 8
    streams = {stream: 2048 if stream == "i3d" else 16 for stream in recipe.streams}
    # Without dropout, whose code for CPUs torch.compile cannot trace.
    still = {"dropout": 0.0, "input_dropout": 0.0}
    model = ModelConfig.from_dict({**recipe.model.to_dict(), **SMALL, **still})
    train = TrainConfig.from_dict({**recipe.train.to_dict(), "batch_size": 4})
    return replace(recipe, lengths=lengths, streams=streams, model=model, train=train)


def data_of(name: str, record: Record) -> tuple[Recipe, Path, list[Path]]:
    """The recipe, the folder of its rows and features, and its stores; written once for all sections."""
    recipe, folder = recipe_of(name, record), record.work / name
    listed = folder / "stores.json"
    if not listed.exists():
        folder.mkdir(parents=True)
        stores = write_files(folder, recipe)
        listed.write_text(json.dumps([str(path) for path in stores]), encoding="utf-8")
    return recipe, folder, [Path(path) for path in json.loads(listed.read_text(encoding="utf-8"))]
