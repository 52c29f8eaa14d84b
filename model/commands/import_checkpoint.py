"""The verb `import-checkpoint`."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from cli import Command, UserError

_log = logging.getLogger("model")


def import_checkpoint(arguments: argparse.Namespace) -> None:
    """Turn a checkpoint of QD-DETR or of its gated variant into one of ours; nothing in the file is executed."""
    import torch

    from model.checkpoint import save_checkpoint
    from model.network.detector import HighlightDetector
    from model.reference.names import convert
    from model.reference.options import network_of, objective_of
    from model.reference.reading import read_reference

    state, options = read_reference(arguments.checkpoint)
    shapes = {name: value.shape for name, value in state.items()}
    streams = (arguments.video_streams, arguments.audio_streams, arguments.text_stream)
    try:
        config, dims = network_of(options, shapes, *streams)
        objective = objective_of(options)
        # Without memory until the shapes are seen to fit: options may ask for a network of any size.
        with torch.device("meta"):
            network = HighlightDetector(config, dims)
        network.load_state_dict(convert(state), assign=True)
    except (UserError, RuntimeError) as problem:
        raise UserError(f"{arguments.checkpoint}: {' '.join(str(problem).split())[:300]}") from None
    known = {name: value for name, value in options.items() if isinstance(value, str | int | float | bool)}
    about = {"imported_from": arguments.checkpoint.name, "objective": objective, "options": known}
    save_checkpoint(arguments.out, network, about)
    _log.info("%s: fusion %s, inputs %s", arguments.out, config.fusion, dims)


def add_verbs(command: Command) -> None:
    """Add the verb and its arguments."""
    parser = command.verb("import-checkpoint", import_checkpoint)
    parser.add_argument("--checkpoint", type=Path, required=True, metavar="CKPT", help="model_best.ckpt of a reference")
    parser.add_argument("--out", type=Path, required=True, metavar="PT", help="checkpoint to write")
    parser.add_argument("--video-streams", nargs="+", required=True, metavar="NAME", help="in the order of training")
    parser.add_argument("--audio-streams", nargs="+", default=["pann"], metavar="NAME", help="default: pann")
    parser.add_argument("--text-stream", default="clip_text", metavar="NAME", help="default: clip_text")
