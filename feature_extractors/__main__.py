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
    duration in seconds, number of clips, whether it has sound, sha256, what is wrong with it. A video that is missing
    or broken has no clips. Without --videos, the grid follows the annotated durations: for features that were made
    elsewhere.
    """
    from feature_extractors.decode import examine
    from feature_extractors.manifest import (
        ManifestStage,
        annotated_videos,
        locate_videos,
        read_annotations,
        videos_of,
        write_table,
    )

    clips = ManifestStage.from_json(arguments.config).clips
    _check_shard(arguments)
    rows = read_annotations(arguments.annotations)
    vids = videos_of(rows, arguments.shard, arguments.shards)
    if arguments.videos:
        folder = Path(arguments.videos)
        if not folder.is_dir():
            raise UserError(f"{folder}: no such folder")
        files, causes = locate_videos(folder, vids)
        table = [examine(folder, vid, files.get(vid), causes.get(vid, ""), clips) for vid in vids]
    else:
        table = annotated_videos(rows, vids, clips)
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

    where = arguments.videos, arguments.out
    write_splits(arguments.source, arguments.files, *where, arguments.published, arguments.broken_videos)


def visual(arguments: argparse.Namespace) -> None:
    """Encode the frame at each clip's centre, or several spread over it, with CLIP."""
    from feature_extractors.clip_model import find_weights
    from feature_extractors.device import use_device
    from feature_extractors.manifest import read_table
    from feature_extractors.visual import VisualStage, extract

    stage = VisualStage.from_json(arguments.config)
    device = use_device(arguments.device, arguments.threads)
    videos = read_table(arguments.manifest)
    weights = find_weights(stage.clip, arguments.weights)
    extract(stage, videos, arguments.videos, weights, arguments.out, device)


def text(arguments: argparse.Namespace) -> None:
    """Encode the queries about the videos of one shard with CLIP."""
    from feature_extractors.clip_model import find_weights
    from feature_extractors.device import use_device
    from feature_extractors.manifest import queries_of, read_annotations
    from feature_extractors.text import TextStage, extract

    stage = TextStage.from_json(arguments.config)
    _check_shard(arguments)
    rows = queries_of(read_annotations(arguments.annotations), arguments.shard, arguments.shards)
    weights = find_weights(stage.clip, arguments.weights)
    extract(stage, rows, weights, arguments.out, use_device(arguments.device, arguments.threads))


def audio(arguments: argparse.Namespace) -> None:
    """Encode the sound of each clip with PANN Cnn14 (--encoder pann) or CLAP (--encoder clap)."""
    from feature_extractors.audio.clap import find_checkpoint
    from feature_extractors.audio.extract import ClapStage, PannStage, extract_clap, extract_pann
    from feature_extractors.device import use_device
    from feature_extractors.manifest import read_table

    videos = read_table(arguments.manifest)
    device = use_device(arguments.device, arguments.threads)
    if arguments.encoder == "pann":
        files = arguments.videos, Path(arguments.weights), arguments.out
        extract_pann(PannStage.from_json(arguments.config), videos, *files, device)
    else:
        files = arguments.videos, find_checkpoint(arguments.weights), arguments.out
        extract_clap(ClapStage.from_json(arguments.config), videos, *files, device)


def import_released(arguments: argparse.Namespace) -> None:
    """Turn released feature files into a store on this project's clip grid.

    Layouts: moment_detr (also QD-DETR, Lighthouse), umt, tvsum_i3d, and for queries moment_detr_text, lighthouse_text,
    tvsum_text. The grid is the video table's; ids without a file and other lengths are reported and recorded.
    """
    from feature_extractors.manifest import queries_of, read_annotations, read_table
    from feature_extractors.released import LAYOUTS, ImportStage, import_texts, import_videos

    stage = ImportStage.from_json(arguments.config)
    if not LAYOUTS[stage.imported.layout].text:
        import_videos(stage, arguments.stream, read_table(arguments.manifest), arguments.out)
        return
    _check_shard(arguments)
    queries = queries_of(read_annotations(arguments.annotations), arguments.shard, arguments.shards)
    import_texts(stage, arguments.stream, queries, arguments.out)


def fetch_weights(arguments: argparse.Namespace) -> None:
    """Download published weights, check them, and put them into a folder; without a name, list what is known.

    A right file that is there is kept; a broken download is gone on with. With --mirror, the files are copied from a
    local folder and checked in the same way.
    """
    from feature_extractors.catalogue import FOLDER, KNOWN, known_weights
    from feature_extractors.fetch import fetch_file

    if not arguments.names:
        for known in KNOWN.values():
            size = sum(file.size for file in known.files)
            millions = f", {size / 1e6:.0f} MB" if size else ""
            _log.info("%s: for %s%s, %s, from %s", known.name, known.encoder, millions, known.licence, known.source)
        return
    if arguments.out and len(arguments.names) > 1:
        raise UserError("--out: name one of the weights, or leave it out: each then has a folder of its own")
    for name in arguments.names:
        known = known_weights(name)
        folder = arguments.out or FOLDER / name
        files = [known.file(arguments.only)] if arguments.only else known.files
        for file in files:
            fetch_file(known, file, folder, arguments.mirror)


def doctor(arguments: argparse.Namespace) -> int:
    """Look at media files and report what is odd about them: a table to read, and a TSV.

    Severities: ok; note (handled, good to know); warning (part of the video gives no features); error (the video gives
    none, or others than its labels mean). Exit status: 0 with nothing above note, 3 if the worst is a warning, 4 if it
    is an error; 1 if the doctor itself could not work.
    """
    from cli.files import write_text
    from feature_extractors import doctor
    from feature_extractors.manifest import ClipConfig, annotated_seconds, read_annotations, read_table

    clips = ClipConfig(seconds=arguments.clip_seconds)
    if arguments.manifest:
        patients = doctor.list_table(arguments.videos, read_table(arguments.manifest))
    elif arguments.annotations:
        durations: dict[str, set[float]] = {}
        for row in read_annotations(arguments.annotations):
            known = durations.setdefault(row["vid"], set())
            if not {"duration", "duration_s"}.isdisjoint(row):  # rows of `convert` about a missing video have none
                known.add(annotated_seconds(row, clips))
        patients = doctor.list_annotated(arguments.videos, durations)
    else:
        patients = doctor.list_folder(arguments.videos)
    doctor.examine(patients, clips, arguments.decode)
    if arguments.out:
        write_text(arguments.out, doctor.write_tsv(patients))
    sys.stdout.write(doctor.write_table(patients))
    return doctor.EXIT_STATUS[doctor.worst(patients)]


def verify(arguments: argparse.Namespace) -> int:
    """Compare two feature stores, or two folders of shards of one stream, and say why they differ.

    Prints the cosines and norms of their rows, the order of channels, and the attributes that differ. Exit status: 0
    if ids, clips and width are the same and all rows agree within the tolerance, 1 if not.
    """
    from feature_extractors.verify import compare, open_stores, write_comparison

    found = compare(open_stores(arguments.first), open_stores(arguments.second))
    equal = found.equal(arguments.cosine, arguments.norms)
    sys.stdout.write(write_comparison(found, equal))
    return int(not equal)


def problems(arguments: argparse.Namespace) -> None:
    """List all videos with which something was wrong.

    Reads the video tables and stores of all shards, writes a TSV (vid, file, stage, cause) and names the videos. Exits
    with 1 if there are any and --broken-videos is stop. With --domains-of, domains that are left out are named as well.
    """
    from feature_extractors.problems import find_lost_domains, gather, write_problems

    found = gather(arguments.manifests, arguments.stores)
    lost = find_lost_domains(arguments.domains_of, arguments.stores, arguments.needed)
    write_problems(arguments.out, [*found.problems, *lost])
    for domain in lost:
        _log.warning("%s: %s", domain.vid, domain.cause)
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


def _add_optional(parser: argparse.ArgumentParser, option: str, metavar: str, text: str) -> None:
    # The option without a value is the same as none at all: a rule writes it so where the configuration has none.
    parser.add_argument(option, nargs="?", const="", default="", metavar=metavar, help=text)


def _add_encoding(parser: argparse.ArgumentParser, sections: str, weights: str, needed: bool = False) -> None:
    parser.add_argument("--config", required=True, metavar="JSON", help=f"sections {sections}, as JSON or @FILE")
    if needed:
        parser.add_argument("--weights", required=True, help=weights)
    else:
        _add_optional(parser, "--weights", metavar="FILE", text=weights)
    parser.add_argument("--out", type=Path, required=True, metavar="H5", help="the store to write")
    parser.add_argument("--threads", type=_positive, default=1, help="CPU threads of the network (default 1)")
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

    parser = command.verb("convert", convert)
    parser.add_argument("--from", dest="source", choices=SOURCES, required=True, help="whose annotations these are")
    parser.add_argument("--files", type=Path, nargs="+", required=True, metavar="FILE", help="see the list above")
    parser.add_argument("--videos", type=Path, metavar="DIR", help="folder of the media files")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the JSONL files")
    parser.add_argument("--published", action="store_true", help="TVSum: exactly the public files, for other tools")
    _add_policy(parser)

    parser = command.verb("manifest", manifest)
    _add_shard(parser)
    _add_optional(parser, "--videos", metavar="DIR", text="folder of the media files; without: annotations")
    parser.add_argument("--config", required=True, metavar="JSON", help="section clips, as JSON or @FILE")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the video table to write")
    _add_policy(parser)

    parser = command.verb("visual", visual)
    _add_videos(parser)
    _add_encoding(
        parser, "clips, clip, visual, encoding", "CLIP checkpoint; without: the open_clip tag in clip.pretrained"
    )

    parser = command.verb("text", text)
    _add_shard(parser)
    _add_encoding(parser, "clip, encoding", "CLIP checkpoint; without: the open_clip tag in clip.pretrained")

    parser = command.verb("audio", audio)
    parser.add_argument("--encoder", choices=["pann", "clap"], required=True)
    _add_videos(parser)
    weights = "Cnn14 checkpoint; or a directory with a CLAP checkpoint, or hub:owner/name of one"
    _add_encoding(parser, "clips, encoding and pann or clap", weights, needed=True)

    parser = command.verb("import-released", import_released)
    _add_shard(parser)
    parser.add_argument("--manifest", type=Path, required=True, metavar="FILE", help="video table made by `manifest`")
    parser.add_argument("--stream", required=True, metavar="NAME", help="name of the stream, such as slowfast")
    parser.add_argument("--config", required=True, metavar="JSON", help="sections clips, imported: layout, folders")
    parser.add_argument("--out", type=Path, required=True, metavar="H5", help="the store to write")

    parser = command.verb("fetch-weights", fetch_weights)
    parser.add_argument("names", nargs="*", metavar="NAME", help="of the list that the verb prints without one")
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="folder to put them in (default weights/published/NAME)"
    )
    parser.add_argument("--only", metavar="FILE", help="just this one of the files")
    parser.add_argument("--mirror", type=Path, metavar="DIR", help="copy from here: DIR/NAME/FILE or DIR/FILE")

    parser = command.verb("doctor", doctor)
    parser.add_argument("--videos", type=Path, required=True, metavar="DIR", help="folder of the media files")
    parser.add_argument("--annotations", type=Path, nargs="+", metavar="FILE", help="look at what these name")
    parser.add_argument("--manifest", type=Path, metavar="FILE", help="or at what this video table lists")
    parser.add_argument("--clip-seconds", type=float, default=2.0, metavar="S", help="length of a clip (default 2)")
    parser.add_argument("--decode", action="store_true", help="decode everything, which finds damage inside (slow)")
    parser.add_argument("--out", type=Path, metavar="TSV", help="write all that is known, one line a video")

    parser = command.verb("verify", verify)
    parser.add_argument("first", type=Path, metavar="A", help="a store, or a folder of the shards of one stream")
    parser.add_argument("second", type=Path, metavar="B", help="what is compared with it")
    parser.add_argument("--cosine", type=float, default=0.9999, metavar="C", help="least cosine of two rows (0.9999)")
    parser.add_argument("--norms", type=float, default=0.01, metavar="T", help="most that norms may differ (0.01)")

    parser = command.verb("problems", problems)
    parser.add_argument("--manifests", type=Path, nargs="+", required=True, metavar="FILE", help="video tables")
    parser.add_argument("--stores", type=Path, nargs="*", default=[], metavar="H5", help="stores of all streams")
    parser.add_argument("--out", type=Path, required=True, metavar="TSV", help="the list to write")
    parser.add_argument(
        "--domains-of",
        type=Path,
        nargs="+",
        default=[],
        metavar="FILE",
        help="splits that each domain needs videos in",
    )
    parser.add_argument(
        "--needed", nargs="+", default=["clip_visual"], metavar="NAME", help="streams that a query needs"
    )
    _add_policy(parser)
    return command.main()


if __name__ == "__main__":
    sys.exit(main())
