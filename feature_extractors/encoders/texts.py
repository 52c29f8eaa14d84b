"""Encode queries, one row per token and one pooled row per query: the part that all text encoders share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from feature_extractors.encoders.engine import as_stored, computing
from feature_extractors.encoders.origin import Origin, provenance_of
from feature_extractors.encoders.stream import QueryStage
from formats.rows import Row
from formats.store import Arrays, write_groups

BATCH = 32
"""Queries per batch, in the order of the annotations. A job that was killed resumes with the next batch."""
LIBRARIES = ("numpy", "torch")


@dataclass(frozen=True, kw_only=True)
class TextEncoder(Origin):
    """A text encoder, loaded on its device.

    Attributes:
        tokenise: texts to token ids (B, T) and a mask of the tokens that are not padding, (B, T) bool; both on the CPU.
            Only the tokenizer can tell, because the padding id may also be that of a word or of the end token.
        forward: ids (B, T) on the device to the states of all tokens (B, T, W) and pooled embeddings (B, D).
    """

    tokenise: Callable[[list[str]], tuple[Tensor, Tensor]]
    forward: Callable[[Tensor], tuple[Tensor, Tensor]]

    def write(self, stream: str, stage: QueryStage, queries: list[Row], out: Path, device: torch.device) -> None:
        """Encode queries into the store `out`, whose ids are the qids; rows of padding are left out.

        Raises:
            UserError: features that cannot be stored (`as_stored`).
        """
        texts = {str(row["qid"]): row["query"] for row in queries}

        def produce(pending: list[list[str]]) -> Iterator[tuple[str, Arrays]]:
            for group in pending:
                ids, is_token = self.tokenise([texts[qid] for qid in group])
                with computing(stage.encoding, device):
                    on_device = self.forward(ids.to(device))
                states, pooled = (rows.float().cpu().numpy() for rows in on_device)
                for place, qid in enumerate(group):
                    arrays = {"tokens": states[place][is_token[place].numpy()], "pooled": pooled[place : place + 1]}
                    yield qid, {name: as_stored(rows, stage.encoding) for name, rows in arrays.items()}

        qids = list(texts)
        groups = [qids[first : first + BATCH] for first in range(0, len(qids), BATCH)]
        columns = {"query": np.array(list(texts.values()), dtype=np.str_)}
        write_groups(out, provenance_of(self, stream, stage, LIBRARIES, device), groups, produce, columns)
