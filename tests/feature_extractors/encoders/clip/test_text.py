"""Text features in the store: every query at its true length, under its qid."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from cli import UserError
from feature_extractors.encoders.clip.model import build_clip
from feature_extractors.encoders.clip.settings import ClipEncoderConfig, ClipTextStage
from feature_extractors.encoders.clip.streams import CLIP_TEXT
from feature_extractors.encoders.stream import EncodingConfig
from formats.store import Store
from tests.feature_extractors.encoding import encode_queries

QUERIES = {3: "A dog !/ runs home", 20: "!", 100: "word " * 100, 101: "Кот"}


@pytest.fixture
def stage(clip_definition: Path) -> ClipTextStage:
    return ClipTextStage(clip=ClipEncoderConfig(architecture="tiny-clip", definition=str(clip_definition)))


def rows() -> list[dict[str, object]]:
    return [{"qid": qid, "query": query, "vid": "v"} for qid, query in QUERIES.items()]


@torch.no_grad()
def test_tokens_and_pooled_of_every_query(tmp_path: Path, stage: ClipTextStage, clip_weights: Path) -> None:
    encode_queries(CLIP_TEXT, stage, rows(), clip_weights, tmp_path / "000.h5")
    store = Store(tmp_path / "000.h5")
    assert store.ids == ["3", "20", "100", "101"] and store.dim == 24
    clip = build_clip(stage.clip, clip_weights)
    seen: list[torch.Tensor] = []
    clip.network.ln_final.register_forward_hook(lambda module, inputs, output: seen.append(output[0]))
    with h5py.File(tmp_path / "000.h5") as file:
        pooled = file["pooled"][:]
        assert file["columns/query"].asstr()[:].tolist() == list(QUERIES.values())
    for place, (qid, query) in enumerate(QUERIES.items()):
        ids = clip.tokenise([query])
        embedding = clip.network.encode_text(ids)[0]  # not normalised, as published features are
        length = ids[0].tolist().index(49407) + 1  # up to and with CLIP's end token
        tokens = store.rows(str(qid))
        assert tokens.shape == (length, 24)
        np.testing.assert_allclose(tokens, seen[-1][:length], atol=1e-6)
        np.testing.assert_allclose(pooled[place], embedding, atol=1e-6)
    assert len(store.rows("100")) == 77 and len(store.rows("20")) == 3

    encode_queries(CLIP_TEXT, stage, rows(), clip_weights, tmp_path / "again.h5")
    assert (tmp_path / "again.h5").read_bytes() == (tmp_path / "000.h5").read_bytes()


def test_values_too_large_for_halves_are_an_error(tmp_path: Path, clip_definition: Path, clip_weights: Path) -> None:
    state = torch.load(clip_weights, weights_only=True)
    state["ln_final.weight"] = state["ln_final.weight"] * 1e6
    torch.save(state, tmp_path / "loud.pt")
    clip = ClipEncoderConfig(architecture="tiny-clip", definition=str(clip_definition))
    halves = ClipTextStage(clip=clip, encoding=EncodingConfig(dtype="float16"))
    with pytest.raises(UserError, match=r"encoding\.dtype: features are too large for float16"):
        encode_queries(CLIP_TEXT, halves, rows(), tmp_path / "loud.pt", tmp_path / "000.h5")
