"""Measure what each part of extraction costs per minute of 720p video, by codec, and what streams could share.

`python benchmarks/features/decode_share.py` takes about two minutes, and seven where the processor has no
instructions for bfloat16.

The videos are 10 s of a moving noisy picture at 2 Mbit/s with AAC sound, repeated without re-encoding. Every step is
timed alone, in CPU seconds of this process with one thread, and so are the bytes that it reads (/proc/self/io). The
networks are of full size with random weights, which does not change their speed. The last table is a video of many
minutes: every step should take the time of the short one times its length.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from PIL import Image

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from benchmarks.features.stand_ins import CODECS, make, repeat  # noqa: E402
from feature_extractors.fingerprints import digest_of  # noqa: E402
from feature_extractors.media import Problems, frames_of_clips, open_sound  # noqa: E402
from feature_extractors.media.container import open_media  # noqa: E402
from feature_extractors.media.timeline import read_timeline  # noqa: E402

SECONDS = 2.0
SOURCE_S = 10
PRECISIONS: tuple[Literal["float32"], Literal["bfloat16"]] = ("float32", "bfloat16")
STEPS = ("digest", "packets", "pictures", "inputs", "sound, 32 kHz", "sound, 48 kHz")

PARTS = {
    "clip_visual": (("packets", "pictures"), ("inputs",)),
    "pann": (("sound, 32 kHz",), ()),
    "clap": (("sound, 48 kHz",), ()),
}
"""The steps of each stream's job that decode, and the others."""


@dataclass(frozen=True)
class Cost:
    """CPU seconds and bytes read, of one step or several."""

    cpu: float
    read: int

    def per(self, minutes: float) -> Cost:
        return Cost(self.cpu / minutes, round(self.read / minutes))


def say(line: str) -> None:
    """Print a line and flush."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def bytes_read() -> int:
    """Bytes that this process has read so far, from disk or from memory that caches it."""
    return int(Path("/proc/self/io").read_text(encoding="ascii").split()[1])


def measure(step: Callable[[], Any]) -> tuple[Any, Cost]:
    """The result of a step, and what it cost."""
    read, cpu = bytes_read(), time.process_time()
    result = step()
    return result, Cost(time.process_time() - cpu, bytes_read() - read)


def read_packets_of(file: Path) -> float:
    """Second 0 of the grid on the file's own clock, from the packets."""
    with open_media(file) as container:
        return read_timeline(file, container, Problems()).start_s


def hear(file: Path, rate: int, start_s: float) -> None:
    """Decode and resample the sound."""
    track = open_sound(file, rate, start_s, Problems())
    assert track is not None
    for _ in track.chunks():
        pass


def costs_of(file: Path, minutes: float, preprocess: Callable[[Image.Image], Any]) -> dict[str, Cost]:
    """What each step costs per minute of a video."""
    found: dict[str, Cost] = {}
    _, found["digest"] = measure(lambda: digest_of(file))
    start_s, found["packets"] = measure(lambda: read_packets_of(file))
    clips = int(minutes * 60 / SECONDS)
    inputs = Cost(0.0, 0)

    def look() -> None:
        nonlocal inputs
        for _, picture in frames_of_clips(file, clips, SECONDS, start_s=start_s):
            _, cost = measure(lambda shown=picture: preprocess(Image.fromarray(shown)))
            inputs = Cost(inputs.cpu + cost.cpu, 0)

    _, both = measure(look)
    found["pictures"] = Cost(both.cpu - inputs.cpu - found["packets"].cpu, both.read - found["packets"].read)
    found["inputs"] = inputs
    for rate in (32, 48):
        _, found[f"sound, {rate} kHz"] = measure(lambda hz=1000 * rate: hear(file, hz, start_s))
    return {name: cost.per(minutes) for name, cost in found.items()}


def networks() -> tuple[dict[str, dict[str, float]], Callable[[Image.Image], Any]]:
    """CPU seconds of each network per minute of video, by precision, and CLIP's preprocessing."""
    import open_clip
    from transformers import ClapConfig, ClapFeatureExtractor, ClapModel

    from feature_extractors.encoders.audio.clap import Clap
    from feature_extractors.encoders.audio.pann import Cnn14
    from feature_extractors.encoders.audio.settings import PannConfig
    from feature_extractors.encoders.engine import computing
    from feature_extractors.encoders.stream import EncodingConfig

    clip, _, preprocess = open_clip.create_model_and_transforms("ViT-B-32-quickgelu")
    clap = Clap(ClapModel(ClapConfig()), ClapFeatureExtractor(truncation="rand_trunc", padding="repeatpad")).eval()
    inputs: dict[str, tuple[Callable[[torch.Tensor], Any], torch.Tensor]] = {
        "clip_visual": (clip.eval().encode_image, torch.randn(30, 3, 224, 224)),
        "pann": (Cnn14(PannConfig()).eval(), torch.randn(30, 64_000)),
        "clap": (clap, torch.randn(6, 480_000)),
    }
    found: dict[str, dict[str, float]] = {name: {} for name in inputs}
    for precision in PRECISIONS:
        with computing(EncodingConfig(precision=precision), torch.device("cpu")):
            for name, (network, batch) in inputs.items():
                network(batch[:2])
                _, cost = measure(lambda run=network, given=batch: run(given))
                found[name][precision] = cost.cpu * 60 / SECONDS / len(batch)
    return found, preprocess


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> None:
    """Print a Markdown table."""
    names = list(head)
    say("\n" + "\n".join(f"| {' | '.join(row)} |" for row in [names, ["---"] * len(names), *map(list, rows)]))


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=2, help="length of the videos of the first two tables")
    parser.add_argument("--long", type=float, default=20, help="minutes of the long video")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    network, preprocess = networks()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sources = {
            codec: make(folder / f"{number}.mp4", SOURCE_S, 1280, 720, 25, codec) for number, codec in enumerate(CODECS)
        }

        def cost(codec: str, minutes: float) -> dict[str, Cost]:
            long = repeat(sources[codec], folder / "long.mp4", round(minutes * 60 / SOURCE_S))
            return costs_of(long, minutes, preprocess)

        costs = {codec: cost(codec, arguments.minutes) for codec in CODECS}
        say("CPU seconds per minute of 720p video; reading in MB per minute in brackets.")
        rows = []
        for codec, steps in costs.items():
            cells = [f"{steps[step].cpu:.3f} ({steps[step].read / 1e6:.0f})" for step in STEPS]
            rows.append([codec, *cells])
        table(["codec", *STEPS], rows)
        say("\nCPU seconds per minute, and the share of decoding in a job: with the network, and without it.")
        rows = []
        for stream, (decoding, others) in PARTS.items():
            for codec, steps in costs.items():
                decode = sum(steps[step].cpu for step in decoding)
                alone = decode + sum(steps[step].cpu for step in others)
                shares = [f"{decode / (alone + seconds):.1%}" for seconds in network[stream].values()]
                rows.append([stream, codec, f"{decode:.2f}", *shares, f"{decode / alone:.0%}"])
        table(["stream", "codec", "decoding", *PRECISIONS, "no network"], rows)
        rows = [[stream, *(f"{seconds:.2f}" for seconds in times.values())] for stream, times in network.items()]
        table(["network", *PRECISIONS], rows)
        say(
            "\nThe three jobs of a video: what hashing in each would add, and what one pass for all would save at most."
        )
        rows = []
        for codec, steps in costs.items():
            jobs = sum(steps[step].cpu for step in STEPS if step != "digest")
            row = [codec]
            for whole in (jobs + sum(times["float32"] for times in network.values()), jobs):
                # One pass decodes the sound once, not twice, and reads the file once, not four times.
                saved = steps["sound, 32 kHz"].cpu
                row += [f"{whole:.2f}", f"{3 * steps['digest'].cpu / whole:.1%}", f"{saved / whole:.1%}"]
            rows.append(row)
        heads = ["CPU s per minute", "three digests", "one pass for all"]
        table(["codec", *heads, *(f"{head}, no network" for head in heads)], rows)
        long = cost("H.264", arguments.long)
        say(f"\nH.264 of {arguments.long:g} minutes, per minute, and ten hours of it in CPU minutes.")
        table(
            ["step", f"{arguments.minutes:g} minutes", f"{arguments.long:g} minutes", "ten hours"],
            (
                [step, f"{costs['H.264'][step].cpu:.3f}", f"{long[step].cpu:.3f}", f"{10 * long[step].cpu:.1f}"]
                for step in STEPS
            ),
        )


if __name__ == "__main__":
    main()
