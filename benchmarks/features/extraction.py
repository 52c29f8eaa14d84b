"""Measure extraction end to end: overlap of decoding and encoding, and peak memory.

`python benchmarks/features/extraction.py overlap` times, in one process and in turns, decoding alone, encoding
alone (Encoder on the same inputs), the bare forward pass of the model, and all of `encode_videos`, with one thread for
the network. With two free cores, the target for all is at most 1.05 times the larger of decoding and encoding. CPU
seconds are printed too, because other work on the machine adds to wall time. The weights are random, which does not
change the speed.

`python benchmarks/features/extraction.py memory` extracts a two-minute and a two-hour video with the demo's
encoders, each in its own process, and compares their peak memory.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from benchmarks.features.stand_ins import make, repeat  # noqa: E402
from feature_extractors.media import Problems, frames_of_clips, open_sound, probe  # noqa: E402
from formats.grid import ClipGrid  # noqa: E402
from formats.video_table import Video, write_table  # noqa: E402


def say(line: str) -> None:
    """Print a line and flush."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def overlap(arguments: argparse.Namespace) -> None:
    """Time decoding alone, encoding alone, the bare forward pass, and all together."""
    import open_clip
    import torch
    from PIL import Image
    from transformers import ClapConfig, ClapFeatureExtractor, ClapModel

    from feature_extractors.encoders.audio.clap import Clap
    from feature_extractors.encoders.audio.pann import RATE, Cnn14
    from feature_extractors.encoders.audio.settings import PannConfig
    from feature_extractors.encoders.audio.windows import clip_windows
    from feature_extractors.encoders.device import use_device
    from feature_extractors.encoders.engine import Encoder, Piece, encode_videos
    from feature_extractors.encoders.stream import FULL_PRECISION
    from formats.store import Provenance

    use_device("cpu", 1)
    clips = ClipGrid()

    def sound(file: Path, video: Video, rate: int, seconds: float, problems: Problems) -> Iterator[Piece]:
        track = open_sound(file, rate, video.start_s, problems)
        assert track is not None
        for clip in clip_windows(track, video.n_clips, clips.seconds, seconds):
            yield Piece(clip.clip, clip.window, clip.level_db)

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = [make(folder / f"v{k}.mp4", arguments.seconds, 640, 360, 25) for k in range(arguments.videos)]
        table = [probe(folder, file, clips) for file in files]

        def measure(stream: str, network: Callable, decode: Callable, batch: int, levels: bool) -> None:
            blank = np.stack([next(decode(table[0], Problems())).value])
            with torch.inference_mode():
                dim = network(torch.from_numpy(blank)).shape[1]
            encoder = Encoder(network, torch.device("cpu"), FULL_PRECISION, batch, dim, levels)
            times: dict[str, tuple[float, float]] = {}

            def timed(what: str, work: Callable[[], Any]) -> Any:
                start = time.perf_counter(), time.process_time()
                result = work()
                taken = time.perf_counter() - start[0], time.process_time() - start[1]
                times[what] = min(times.get(what, taken), taken)
                return result

            provenance = Provenance(stream, "benchmark", "", "{}", clips.seconds)
            for _ in range(arguments.repeat):
                pieces = timed("decode", lambda: [[p.value for p in decode(video, Problems())] for video in table])
                batches = [np.stack(part[k : k + batch]) for part in pieces for k in range(0, len(part), batch)]
                with torch.inference_mode():
                    timed("forward", lambda inputs=batches: [network(torch.from_numpy(one)) for one in inputs])
                timed("encode", lambda inputs=batches: [encoder.encode(one) for one in inputs])
                out = folder / f"{stream}.h5"
                timed("all", lambda out=out: encode_videos(out, provenance, table, folder, decode, encoder))
            larger = max(times["decode"][0], times["encode"][0])
            cells = " | ".join(
                f"{times[key][0]:.1f} ({times[key][1]:.1f})" for key in ("decode", "forward", "encode", "all")
            )
            ratio = times["encode"][1] / times["forward"][1]
            total = times["all"][1] / (times["decode"][1] + times["encode"][1])
            say(f"| {stream} | {cells} | {times['all'][0] / larger:.2f} | {total:.2f} | {ratio:.2f} |")

        say(
            "| stream | decode, s (CPU) | bare forward | encode | all | all / larger | CPU: all / sum | encode / bare |"
        )
        say("|---|---|---|---|---|---|---|---|")
        if "clip_visual" in arguments.streams:
            clip, _, preprocess = open_clip.create_model_and_transforms(arguments.clip)
            clip.eval()

            def pictures(video: Video, problems: Problems) -> Iterator[Piece]:
                for number, picture in frames_of_clips(folder / video.file, video.n_clips, clips.seconds):
                    yield Piece(number, preprocess(Image.fromarray(picture)).numpy())

            measure("clip_visual", clip.encode_image, pictures, 64, False)
        if "pann" in arguments.streams:
            pann = Cnn14(PannConfig()).eval()
            measure("pann", pann, lambda v, p: sound(folder / v.file, v, RATE, clips.seconds, p), 32, True)
        if "clap" in arguments.streams:
            extractor = ClapFeatureExtractor(truncation="rand_trunc", padding="repeatpad")
            clap = Clap(ClapModel(ClapConfig()), extractor).eval()
            measure("clap", clap, lambda v, p: sound(folder / v.file, v, 48_000, 10.0, p), 32, True)


def memory(arguments: argparse.Namespace) -> None:
    """Peak resident memory of each stream for two video lengths."""
    clip = {"architecture": "demo-clip", "definition": str(ROOT / "demo/encoders/demo-clip.json")}
    pann = {"base_channels": 8, "embedding_dim": 128}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        drawn = {"demo_encoders": {"seed": 1}, "version": 1}
        wanted = {"clip": ({"clip": clip}, "clip.pt"), "pann": ({"pann": pann}, "pann.pth"), "clap": ({}, "clap")}
        for encoder, (part, out) in wanted.items():
            settings = json.dumps({**drawn, **part})
            options = ["weights", "--encoder", encoder, "--config", settings, "--out", str(folder / out)]
            subprocess.run([sys.executable, "-m", "demo", *options], check=True, cwd=ROOT, stderr=subprocess.DEVNULL)
        streams = {
            "clip_visual": ({"clips": {}, "clip": clip, "visual": {}}, "clip.pt"),
            "pann": ({"clips": {}, "pann": pann}, "pann.pth"),
            "clap": ({"clips": {}, "clap": {}}, "clap"),
        }
        streams = {stream: streams[stream] for stream in arguments.streams}
        peaks: dict[tuple[str, int], float] = {}
        for minutes in (2, arguments.minutes):
            videos = folder / f"{minutes}"
            videos.mkdir()
            file = repeat(make(folder / "minute.mp4", 60, 320, 180, 12), videos / "v.mp4", minutes)
            write_table(folder / "table.jsonl", [probe(videos, file, ClipGrid())])
            for stream, (config, weights) in streams.items():
                files = ["--manifest", folder / "table.jsonl", "--videos", videos, "--weights", folder / weights]
                options = [*files, "--config", json.dumps(config), "--device", "cpu", "--out", folder / f"{stream}.h5"]
                command = [sys.executable, "-m", "feature_extractors", "encode", "--stream", stream, *map(str, options)]
                job = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
                _, status, usage = os.wait4(job.pid, 0)
                job.returncode = status
                assert status == 0, stream
                peaks[stream, minutes] = usage.ru_maxrss / 1024
            file.unlink()
        say(f"| stream | 2 minutes, MB | {arguments.minutes} minutes, MB | ratio |\n|---|---|---|---|")
        for stream in streams:
            short, long = peaks[stream, 2], peaks[stream, arguments.minutes]
            say(f"| {stream} | {short:.0f} | {long:.0f} | {long / short:.3f} |")


def main() -> None:
    """Run one of the two benchmarks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(required=True)
    verb = verbs.add_parser("overlap")
    verb.add_argument("--videos", type=int, default=4, help="number of videos")
    verb.add_argument("--seconds", type=int, default=30, help="length of each video")
    verb.add_argument("--repeat", type=int, default=2, help="number of turns; the best one counts")
    verb.add_argument("--clip", default="ViT-B-32-quickgelu")
    verb.add_argument("--streams", nargs="+", default=["clip_visual", "pann", "clap"])
    verb.set_defaults(run=overlap)
    verb = verbs.add_parser("memory")
    verb.add_argument("--minutes", type=int, default=120, help="length of the long video")
    verb.add_argument("--streams", nargs="+", default=["clip_visual", "pann", "clap"])
    verb.set_defaults(run=memory)
    arguments = parser.parse_args()
    arguments.run(arguments)


if __name__ == "__main__":
    main()
