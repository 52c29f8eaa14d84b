"""Command line: `python -m feature_extractors VERB --help`."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

from cli import Command, UserError
from feature_extractors.annotations import SOURCES

_log = logging.getLogger("feature_extractors")


def manifest(arguments: argparse.Namespace) -> None:
    """Decide the clip grid of the videos of one shard.

    Probes each video that the annotations name and that falls into the shard, and writes one line a video: file,
    duration in seconds, number of clips, whether it has sound, sha256.
    """
    from feature_extractors.decode import probe
    from feature_extractors.manifest import ManifestStage, find_videos, read_annotations, videos_of, write_table

    clips = ManifestStage.from_json(arguments.config).clips
    _check_shard(arguments)
    rows = read_annotations(arguments.annotations)
    files = find_videos(arguments.videos, videos_of(rows, arguments.shard, arguments.shards))
    table = [probe(arguments.videos, file, clips) for file in files.values()]
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    write_table(arguments.out, table)
    n_clips = sum(video.n_clips for video in table)
    silent = sum(not video.has_audio for video in table)
    _log.info("%s: %d videos, %d clips, %d videos without sound", arguments.out, len(table), n_clips, silent)


def convert(arguments: argparse.Namespace) -> None:
    """Turn a dataset's own annotations into rows of the project's schema.

    The sources and their --files:
      tvsum-mat      ydata-tvsum50.mat
      tvsum-tsv      ydata-tvsum50-info.tsv ydata-tvsum50-anno.tsv, with --videos (for the frame rates)
      qvhighlights   highlight_train_release.jsonl and further splits, checked row by row
      charades       charades_sta_train.txt Charades_v1_train.csv (or test)
      youtube        DOMAIN.json with windows and matches by video
      folder         a text file of queries, with --videos: a query a line, or `video<TAB>query`

    Example:
      python -m feature_extractors convert --from tvsum-mat --files ydata-tvsum50.mat --out data/tvsum
      python -m feature_extractors convert --from folder --files queries.txt --videos videos --out data/mine
    """
    from feature_extractors.annotations.convert import convert as write_splits

    write_splits(arguments.source, arguments.files, arguments.videos, arguments.out, arguments.published)


def visual(arguments: argparse.Namespace) -> None:
    """Encode the frame at each clip's centre with CLIP."""
    from feature_extractors.manifest import read_table
    from feature_extractors.visual import VisualStage, extract

    stage = VisualStage.from_json(arguments.config)
    _use_threads(arguments.threads)
    extract(stage, read_table(arguments.manifest), arguments.videos, arguments.weights, arguments.out)


def text(arguments: argparse.Namespace) -> None:
    """Encode the queries about the videos of one shard with CLIP."""
    from feature_extractors.manifest import queries_of, read_annotations
    from feature_extractors.text import TextStage, extract

    stage = TextStage.from_json(arguments.config)
    _check_shard(arguments)
    rows = queries_of(read_annotations(arguments.annotations), arguments.shard, arguments.shards)
    _use_threads(arguments.threads)
    extract(stage, rows, arguments.weights, arguments.out)


def audio(arguments: argparse.Namespace) -> None:
    """Encode the sound of each clip with PANN Cnn14 (--encoder pann) or CLAP (--encoder clap)."""
    from feature_extractors.audio.extract import ClapStage, PannStage, extract_clap, extract_pann
    from feature_extractors.manifest import read_table

    videos = read_table(arguments.manifest)
    _use_threads(arguments.threads)
    if arguments.encoder == "pann":
        stage = PannStage.from_json(arguments.config)
        extract_pann(stage, videos, arguments.videos, arguments.weights, arguments.out)
    else:
        extract_clap(ClapStage.from_json(arguments.config), videos, arguments.videos, arguments.weights, arguments.out)


def _use_threads(threads: int) -> None:
    import torch

    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True)


def _check_shard(arguments: argparse.Namespace) -> None:
    if not 0 <= arguments.shard < arguments.shards:
        raise UserError(f"--shard: {arguments.shard} is none of {arguments.shards} shards, which count from 0")


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number from 1, got {text!r}")
    return int(text)


def _add_shard(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--annotations", type=Path, nargs="+", required=True, metavar="FILE", help="QVHighlights JSONL")
    parser.add_argument("--shard", type=int, required=True, help="number of this shard, from 0")
    parser.add_argument("--shards", type=_positive, required=True, help="number of shards in all")


def _add_encoding(parser: argparse.ArgumentParser, sections: str, weights: str) -> None:
    parser.add_argument("--config", required=True, metavar="JSON", help=f"sections {sections}, as JSON or @FILE")
    parser.add_argument("--weights", type=Path, required=True, help=weights)
    parser.add_argument("--out", type=Path, required=True, metavar="H5", help="the store to write")
    parser.add_argument("--threads", type=_positive, default=1, help="CPU threads (default 1)")


def _add_videos(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--manifest", type=Path, required=True, metavar="FILE", help="video table made by `manifest`")
    parser.add_argument("--videos", type=Path, required=True, metavar="DIR", help="folder of the media files")


def main() -> int:
    """Run one verb; returns the exit status."""
    command = Command("feature_extractors", "Media in, features out.")

    parser = command.verb("convert", convert)
    parser.add_argument("--from", dest="source", choices=SOURCES, required=True, help="whose annotations these are")
    parser.add_argument("--files", type=Path, nargs="+", required=True, metavar="FILE", help="see the list above")
    parser.add_argument("--videos", type=Path, metavar="DIR", help="folder of the media files")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the JSONL files")
    parser.add_argument("--published", action="store_true", help="TVSum: exactly the public files, for other tools")

    parser = command.verb("manifest", manifest)
    _add_shard(parser)
    parser.add_argument("--videos", type=Path, required=True, metavar="DIR", help="folder of the media files")
    parser.add_argument("--config", required=True, metavar="JSON", help="section clips, as JSON or @FILE")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the video table to write")

    parser = command.verb("visual", visual)
    _add_videos(parser)
    _add_encoding(parser, "clips, clip, visual", "CLIP checkpoint (.pt, .safetensors)")

    parser = command.verb("text", text)
    _add_shard(parser)
    _add_encoding(parser, "clip", "CLIP checkpoint (.pt, .safetensors)")

    parser = command.verb("audio", audio)
    parser.add_argument("--encoder", choices=["pann", "clap"], required=True)
    _add_videos(parser)
    _add_encoding(parser, "clips and pann or clap", "Cnn14 checkpoint, or a directory with a CLAP checkpoint")
    return command.main()


if __name__ == "__main__":
    sys.exit(main())
