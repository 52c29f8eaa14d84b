"""Command line: `python -m feature_extractors VERB --help`."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

from cli import Command, UserError

_log = logging.getLogger("feature_extractors")


def manifest(arguments: argparse.Namespace) -> None:
    """Decide the clip grid of the videos of one shard.

    Probes each video that the annotations name and that falls into the shard, and writes one line a video: file,
    duration in seconds, number of clips, whether it has sound, sha256, what is wrong with it. A video that is missing
    or broken has no clips.
    """
    from feature_extractors.decode import examine
    from feature_extractors.manifest import ManifestStage, locate_videos, read_annotations, videos_of, write_table

    clips = ManifestStage.from_json(arguments.config).clips
    _check_shard(arguments)
    vids = videos_of(read_annotations(arguments.annotations), arguments.shard, arguments.shards)
    if not arguments.videos.is_dir():
        raise UserError(f"{arguments.videos}: no such folder")
    files, causes = locate_videos(arguments.videos, vids)
    table = [examine(arguments.videos, vid, files.get(vid), causes.get(vid, ""), clips) for vid in vids]
    broken = [f"{video.file or video.vid}: {video.problem}" for video in table if not video.n_clips]
    if broken and arguments.broken_videos == "stop":
        raise UserError(f"{arguments.videos}: {len(broken)} of {len(table)} videos are broken: {'; '.join(broken)}")
    for video in table:
        if video.problem:
            _log.warning("%s: %s", video.file or video.vid, video.problem)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    write_table(arguments.out, table)
    n_clips = sum(video.n_clips for video in table)
    silent = sum(not video.has_audio for video in table if video.n_clips)
    _log.info(
        "%s: %d videos, %d clips, %d videos without sound, %d left out",
        arguments.out,
        len(table),
        n_clips,
        silent,
        len(broken),
    )


def visual(arguments: argparse.Namespace) -> None:
    """Encode the frame at each clip's centre, or several spread over it, with CLIP."""
    from feature_extractors.device import use_device
    from feature_extractors.manifest import read_table
    from feature_extractors.visual import VisualStage, extract

    stage = VisualStage.from_json(arguments.config)
    device = use_device(arguments.device, arguments.threads)
    videos = read_table(arguments.manifest)
    extract(stage, videos, arguments.videos, arguments.weights, arguments.out, device, arguments.threads)


def text(arguments: argparse.Namespace) -> None:
    """Encode the queries about the videos of one shard with CLIP."""
    from feature_extractors.device import use_device
    from feature_extractors.manifest import queries_of, read_annotations
    from feature_extractors.text import TextStage, extract

    stage = TextStage.from_json(arguments.config)
    _check_shard(arguments)
    rows = queries_of(read_annotations(arguments.annotations), arguments.shard, arguments.shards)
    extract(stage, rows, arguments.weights, arguments.out, use_device(arguments.device, arguments.threads))


def audio(arguments: argparse.Namespace) -> None:
    """Encode the sound of each clip with PANN Cnn14 (--encoder pann) or CLAP (--encoder clap)."""
    from feature_extractors.audio.extract import ClapStage, PannStage, extract_clap, extract_pann
    from feature_extractors.device import use_device
    from feature_extractors.manifest import read_table

    videos = read_table(arguments.manifest)
    device = use_device(arguments.device, arguments.threads)
    files = arguments.videos, arguments.weights, arguments.out
    if arguments.encoder == "pann":
        extract_pann(PannStage.from_json(arguments.config), videos, *files, device)
    else:
        extract_clap(ClapStage.from_json(arguments.config), videos, *files, device)


def problems(arguments: argparse.Namespace) -> None:
    """List all videos with which something was wrong.

    Reads the video tables and stores of all shards, writes a TSV (vid, file, stage, cause) and names the videos. Exits
    with 1 if there are any and --broken-videos is stop.
    """
    from feature_extractors.problems import gather, write_problems

    found = gather(arguments.manifests, arguments.stores)
    write_problems(arguments.out, found.problems)
    for item in found.problems:
        _log.warning("%s: %s: %s", item.file or item.vid, item.stage, item.cause)
    odd = len({item.vid for item in found.problems})
    _log.info("%d of %d videos have problems, %d are left out: %s", odd, found.videos, found.left_out, arguments.out)
    if odd and arguments.broken_videos == "stop":
        causes = "; ".join(f"{item.file or item.vid}: {item.stage}: {item.cause}" for item in found.problems)
        raise UserError(f"{odd} of {found.videos} videos have problems: {causes}")


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
    parser.add_argument("--device", default="auto", help="cpu, cuda, cuda:N or auto (default: cuda if there is one)")


def _add_videos(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--manifest", type=Path, required=True, metavar="FILE", help="video table made by `manifest`")
    parser.add_argument("--videos", type=Path, required=True, metavar="DIR", help="folder of the media files")


def _add_policy(parser: argparse.ArgumentParser) -> None:
    help_text = "whether a broken video is left out and listed (default) or an error"
    parser.add_argument("--broken-videos", choices=["leave_out", "stop"], default="leave_out", help=help_text)


def main() -> int:
    """Run one verb; returns the exit status."""
    command = Command("feature_extractors", "Media in, features out.")

    parser = command.verb("manifest", manifest)
    _add_shard(parser)
    parser.add_argument("--videos", type=Path, required=True, metavar="DIR", help="folder of the media files")
    parser.add_argument("--config", required=True, metavar="JSON", help="section clips, as JSON or @FILE")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the video table to write")
    _add_policy(parser)

    parser = command.verb("visual", visual)
    _add_videos(parser)
    _add_encoding(parser, "clips, clip, visual, encoding", "CLIP checkpoint (.pt, .safetensors)")

    parser = command.verb("text", text)
    _add_shard(parser)
    _add_encoding(parser, "clip, encoding", "CLIP checkpoint (.pt, .safetensors)")

    parser = command.verb("audio", audio)
    parser.add_argument("--encoder", choices=["pann", "clap"], required=True)
    _add_videos(parser)
    _add_encoding(parser, "clips, encoding and pann or clap", "Cnn14 checkpoint, or a directory with a CLAP checkpoint")

    parser = command.verb("problems", problems)
    parser.add_argument("--manifests", type=Path, nargs="+", required=True, metavar="FILE", help="video tables")
    parser.add_argument("--stores", type=Path, nargs="*", default=[], metavar="H5", help="stores of all streams")
    parser.add_argument("--out", type=Path, required=True, metavar="TSV", help="the list to write")
    _add_policy(parser)
    return command.main()


if __name__ == "__main__":
    sys.exit(main())
