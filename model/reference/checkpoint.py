"""Import a checkpoint of a reference implementation."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import torch

from cli import UserError
from model.checkpoint import save_checkpoint
from model.network.detector import HighlightDetector
from model.network.tensors import InputDims
from model.reference.names import convert, is_read
from model.reference.options import network_of, objective_of
from model.reference.reading import read_reference

_log = logging.getLogger(__name__)


def import_checkpoint(
    checkpoint: Path,
    out: Path,
    video_streams: Sequence[str],
    audio_streams: Sequence[str] = ("pann",),
    text_stream: str = "clip_text",
) -> HighlightDetector:
    """Convert a checkpoint of QD-DETR or of its gated variant to this project's format, without running its code.

    Args:
        checkpoint: `model_best.ckpt` of a reference.
        out: the checkpoint to write.
        video_streams, audio_streams, text_stream: names of our feature streams that correspond to those it was trained
            on, in the order of concatenation.

    Returns:
        the converted network, with every `compat` on.

    Raises:
        UserError: the file cannot be read safely, or contains something unsupported; nothing is written then.
    """
    state, options = read_reference(checkpoint)
    shapes = {name: tuple(value.shape) for name, value in state.items()}
    try:
        config, widths = network_of(options, shapes, video_streams, audio_streams, text_stream)
        objective = objective_of(options)
        # On the meta device until the shapes are checked: the options may describe a network of any size.
        with torch.device("meta"):
            network = HighlightDetector(config, InputDims(**asdict(widths)))
        network.load_state_dict(convert(state), assign=True)
    except (UserError, RuntimeError) as problem:
        raise UserError(f"{checkpoint}: {' '.join(str(problem).split())[:300]}") from None
    known = {name: value for name, value in options.items() if isinstance(value, str | int | float | bool)}
    save_checkpoint(out, network, {"imported_from": checkpoint.name, "objective": objective, "options": known})
    unread = [value.numel() for name, value in state.items() if not is_read(name)]
    if unread:
        _log.info("%s: dropped %d weights of text positions, which the reference never reads", checkpoint, sum(unread))
    return network
