"""Command line: `python -m demo VERB --help`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from cli import Command
from cli.configuration import add_config


def media(arguments: argparse.Namespace) -> None:
    """Write the demo dataset: real media files with planted highlights, made from a seed.

    The videos are drawn, synthesised and encoded (no download). Most are H.264 + AAC in MP4; a few are as awkward as
    real ones: WebM, a variable frame rate, rotation by metadata, no audio track, audio that stops early.
    train.jsonl and val.jsonl hold the queries in the QVHighlights schema. The same settings give the same bytes. With
    distractor_db there is one more split, distractors.jsonl: val videos with distractors mixed into their sound.

    Example:
      python -m demo media --videos videos --annotations annotations --threads 4
      python -m demo media --config '{"demo": {"train_videos": 4}}' --videos videos --annotations annotations
    """
    from demo.media import write_demo
    from demo.plan import MediaStage

    stage = MediaStage.from_json(arguments.config)
    write_demo(stage.demo, arguments.videos, arguments.annotations, arguments.threads)


def rehearsal(arguments: argparse.Namespace) -> None:
    """Write stand-in media for a labelled dataset: true ids, lengths and frame rates, with visible and audible labels.

    The annotations are those that `python -m feature_extractors convert --from tvsum-mat` writes. All of TVSum is 50
    videos, 3.5 hours in total, in 64 x 48 pixels. Existing files are kept.

    Example:
      python -m demo rehearsal --annotations data/tvsum/train.jsonl data/tvsum/val.jsonl --videos data/tvsum/videos
    """
    from demo.rehearsal import plan, write_stand_ins

    write_stand_ins(plan(arguments.annotations), arguments.videos, arguments.seed, arguments.threads)


def weights(arguments: argparse.Namespace) -> None:
    """Draw a demo encoder's weights from a seed, calibrate them without labels, and save them in the published format.

    clip: a state dict for open_clip; pann: a Cnn14 checkpoint; clap: a directory for transformers.
    """
    import torch

    from demo.weights.settings import ClapWeights, ClipWeights, PannWeights

    # More threads may sum in another order: one thread gives the same weights whatever the number of cores.
    torch.set_num_threads(1)
    if arguments.encoder == "clip":
        from demo.weights.clip import write_clip

        write_clip(ClipWeights.from_json(arguments.config), arguments.out)
    elif arguments.encoder == "pann":
        from demo.weights.pann import write_pann

        write_pann(PannWeights.from_json(arguments.config), arguments.out)
    else:
        from demo.weights.clap import write_clap

        write_clap(ClapWeights.from_json(arguments.config), arguments.out)


def main() -> int:
    """Run one verb; returns the exit status."""
    command = Command("demo", "Make the demo dataset and the weights of its encoders, from seeds.", extra="features")

    parser = command.verb("media", media)
    add_config(parser, "section demo", default="{}")
    parser.add_output_folder("--videos", required=True, metavar="DIR", help="folder for the media files")
    parser.add_output_folder(
        "--annotations",
        files=("train.jsonl", "val.jsonl"),
        required=True,
        metavar="DIR",
        help="folder for the JSONL files",
    )
    parser.add_argument("--threads", type=int, default=1, metavar="N", help="videos encoded at a time (default: 1)")

    parser = command.verb("rehearsal", rehearsal)
    parser.add_argument("--annotations", type=Path, nargs="+", required=True, metavar="FILE", help="JSONL with labels")
    parser.add_output_folder("--videos", required=True, metavar="DIR", help="folder for the media files")
    parser.add_argument("--seed", type=int, default=2018, help="seed of the textures (default: 2018)")
    parser.add_argument("--threads", type=int, default=1, metavar="N", help="videos encoded at a time (default: 1)")

    parser = command.verb("weights", weights)
    parser.add_argument("--encoder", choices=["clip", "pann", "clap"], required=True)
    add_config(parser, "sections demo_encoders and clip or pann")
    parser.add_output("--out", or_folder=True, required=True, help="checkpoint to write; for clap a folder")
    return command.main()


if __name__ == "__main__":
    sys.exit(main())
