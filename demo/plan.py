"""What happens in every demo video: the planted truth.

A plan is plain data, drawn without any media library, so that the workflow can list the files when it starts. Every
video has random streams of its own, keyed by the seed and its index: adding videos changes none of the others.
All times are seconds on the grid of 2-s clips, as in QVHighlights.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from cli import Settings, UserError
from demo import CODE_VERSION
from demo.joint_pairs import Pair, Window, choose_pairs, find_pairs, windows_by_name
from formats.grid import CLIP_SECONDS

CLIP = int(CLIP_SECONDS)
"""Length of a clip in whole seconds, as all times of a plan are."""
SPLITS = ("train", "val")

SHAPES = ("disc", "square", "triangle")
COLOURS = ("red", "green", "blue", "yellow", "white")
MOTIONS = {"left": "drifts to the left", "right": "drifts to the right", "up": "rises", "down": "sinks"}
MOTIONS |= {"bounce": "bounces", "spin": "spins"}
SOUNDS = {
    "siren": ("a siren", "wails"),
    "drum": ("a drum", "beats"),
    "chirp": ("a bird", "chirps"),
    "babble": ("a voice", "babbles"),
    "bell": ("a bell", "rings"),
}
DISTRACTORS = ("wind", "music", "hum")
# Other kinds of files in real collections than H.264 + AAC at a steady rate. The positions repeat every 40 videos and
# come early, so that a small train split and a val split that starts at a multiple of 40 both have every kind.
QUIRKS = {1: "variable_rate", 4: "no_audio", 7: "webm", 10: "rotated", 13: "short_audio"}
QUIRK_PERIOD = 40

# A stream is keyed by (seed, index, tag). NumPy pads keys with zeros, so a tag must not be zero.
EVENTS, INFORMATIVE, QUERIES, PICTURE, SOUND, FRAME_TIMES, MIXTURE = range(1, 8)

ATTEMPTS = 1000
"""Most sound timelines drawn for a video; planning the default dataset takes under a second."""


@dataclass(frozen=True, kw_only=True)
class DemoConfig(Settings):
    """How many videos, how long (seconds, even) and how large (pixels, even; frames per second)."""

    seed: Annotated[int, Field(ge=0, le=2**32 - 1)] = 2018
    """Seed of everything that is drawn: videos, sounds, queries and labels."""
    train_videos: Annotated[int, Field(ge=1)] = 40
    """Videos of the train split."""
    val_videos: Annotated[int, Field(ge=1)] = 16
    """Videos of the val split."""
    min_seconds: Annotated[int, Field(ge=8)] = 40
    """Length of the shortest video in seconds, even."""
    max_seconds: Annotated[int, Field(ge=8)] = 60
    """Length of the longest video in seconds, even."""
    fps: Annotated[int, Field(ge=5, le=60)] = 25
    """Frames per second."""
    width: Annotated[int, Field(ge=32)] = 96
    """Width of the picture in pixels, even."""
    height: Annotated[int, Field(ge=32)] = 72
    """Height of the picture in pixels, even."""
    distractor_db: tuple[Annotated[float, Field(ge=-60, le=20)], ...] = ()
    """Loudness of distractors over the asked sounds in dB, for the split `distractors`: the val videos with informative
    sound once more per level, with distractors mixed in. Empty = no such split."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values, without the key of a split that there is not."""
        return {key: value for key, value in super().to_dict().items() if value != ()}

    def __post_init__(self) -> None:
        if self.min_seconds > self.max_seconds or self.min_seconds % 2 or self.max_seconds % 2:
            raise UserError("demo: min_seconds and max_seconds must be even, min_seconds no more than max_seconds")
        if self.width % 2 or self.height % 2:
            raise UserError("demo: width and height must be even")


@dataclass(frozen=True, kw_only=True)
class MediaStage(Settings):
    """The configuration sections that `media` consumes."""

    demo: DemoConfig = field(default_factory=DemoConfig)
    version: int = CODE_VERSION["media"]


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that starts and ends, in seconds."""

    start: int
    end: int


@dataclass(frozen=True, kw_only=True)
class VisualEvent(Event):
    """A large coloured shape. `area` is the share of the frame that it covers in the middle of the event."""

    colour: str
    shape: str
    motion: str
    area: float


@dataclass(frozen=True, kw_only=True)
class AudioEvent(Event):
    """A sound. `pitch` multiplies its frequencies, so that no two sirens are the same."""

    kind: str
    pitch: float


@dataclass(frozen=True, kw_only=True)
class VideoPlan:
    """One video. `audio_seconds` is 0 without an audio track.

    Queries ask about `audio`. If the sound is not informative, it consists of `distractors` instead, which no query
    asks about. They are as frequent, long and loud, so that the sound level reveals nothing. A mixture (`copy` 1, 2, ..
    of the video) has both, with the distractors `distractor_db` louder.
    """

    seed: int
    index: int
    vid: str
    split: str
    seconds: int
    fps: int
    width: int
    height: int
    quirk: str
    audio_informative: bool
    audio_seconds: int
    audio_rate: int
    background: tuple[int, int, int]
    visual: tuple[VisualEvent, ...]
    audio: tuple[AudioEvent, ...]
    distractors: tuple[AudioEvent, ...]
    copy: int = 0
    distractor_db: float = 0.0

    @property
    def file(self) -> str:
        """Name of the file in the folder of videos."""
        return f"{self.vid}.webm" if self.quirk == "webm" else f"{self.vid}.mp4"

    def stream(self, tag: int) -> np.random.Generator:
        """A random stream of this video's own."""
        return np.random.default_rng([self.seed, self.index, tag])


def swell(event: Event, times: np.ndarray) -> np.ndarray:
    """How far an event has grown at `times` (seconds): 0 at its ends and outside, 1 in the middle."""
    progress = (times - event.start) / (event.end - event.start)
    return np.sin(np.pi * np.clip(progress, 0.0, 1.0))


@lru_cache(maxsize=4)
def plan_videos(config: DemoConfig) -> tuple[VideoPlan, ...]:
    """The videos of both splits, train before val.

    Kept, because the files and the queries of both splits follow from it and the default one takes a while to draw.
    """
    return tuple(_plan_video(config, index) for index in range(config.train_videos + config.val_videos))


def _quirk(index: int) -> str:
    return QUIRKS.get(index % QUIRK_PERIOD, "none")


def _is_informative(config: DemoConfig, index: int) -> bool:
    """Whether a video is the informative one of its pair: chosen at random, or the other one if one has no sound."""
    first = index - index % 2
    silent = [one for one in (first, first + 1) if _quirk(one) == "no_audio"]
    coin = int(np.random.default_rng([config.seed, first, INFORMATIVE]).integers(2))
    return index not in silent if silent else index == first + coin


def _plan_video(config: DemoConfig, index: int) -> VideoPlan:
    rng = np.random.default_rng([config.seed, index, EVENTS])
    quirk, informative = _quirk(index), _is_informative(config, index)
    seconds = CLIP * int(rng.integers(config.min_seconds // CLIP, config.max_seconds // CLIP + 1))
    audio_seconds = {"no_audio": 0, "short_audio": seconds - min(10, seconds // 6 * 2)}.get(quirk, seconds)
    grey = rng.integers(40, 75)
    tint = rng.integers(-12, 13, size=3)
    rate = int(rng.choice([44100, 48000, 32000, 22050], p=[0.5, 0.3, 0.1, 0.1]))
    visual = _draw_visual(rng, seconds)
    heard = (
        _draw_audio(rng, audio_seconds, visual, list(SOUNDS) if informative else DISTRACTORS) if audio_seconds else ()
    )
    return VideoPlan(
        seed=config.seed,
        index=index,
        vid=f"demo_{index:03d}",
        split=SPLITS[index >= config.train_videos],
        seconds=seconds,
        fps=config.fps,
        width=config.width,
        height=config.height,
        quirk=quirk,
        audio_informative=informative,
        audio_seconds=audio_seconds,
        audio_rate=48000 if quirk == "webm" else rate,  # Opus does not support 44.1 kHz
        background=tuple(int(value) for value in grey + tint),  # type: ignore[arg-type]
        visual=visual,
        audio=heard if informative else (),
        distractors=() if informative else heard,
    )


def _draw_windows(rng: np.random.Generator, seconds: int) -> list[Window]:
    """Draw spans of 6-14 s with gaps of 2-6 s; the last one may end with the video."""
    windows: list[Window] = []
    end = 0
    while True:
        gap, length = CLIP * int(rng.integers(1, 4)), CLIP * int(rng.integers(3, 8))
        start = end + gap if windows else min(gap, seconds - 6)  # a very short video still has one
        if start + 6 > seconds:
            return windows
        end = min(start + length, seconds)
        windows.append((start, end))


def _draw_names(rng: np.random.Generator, names: Sequence[str], count: int) -> list[str]:
    """Draw one name per event: usually a new one; with probability 0.3 an earlier one again, for a second window."""
    order = [names[place] for place in rng.permutation(len(names)).tolist()]
    drawn: list[str] = []
    for _ in range(count):
        once = [name for name in drawn if drawn.count(name) == 1]
        new = [name for name in order if name not in drawn]
        again = bool(once) and (rng.random() < 0.3 or not new)
        drawn.append(once[int(rng.integers(len(once)))] if again else (new or order)[0])
    return drawn


def _draw_visual(rng: np.random.Generator, seconds: int) -> tuple[VisualEvent, ...]:
    windows = _draw_windows(rng, seconds)
    colours = _draw_names(rng, COLOURS, len(windows))
    # Within a video a colour keeps its shape and motion: a query that names all three holds in every window.
    looks: dict[str, tuple[str, str]] = {}
    for colour in COLOURS:
        shape = str(rng.choice(SHAPES))
        motions = [motion for motion in MOTIONS if (shape, motion) != ("disc", "spin")]  # a spinning disc looks still
        looks[colour] = (shape, str(rng.choice(motions)))
    areas = rng.uniform(0.27, 0.42, size=len(windows)).round(3)
    return tuple(
        VisualEvent(start=start, end=end, colour=name, shape=looks[name][0], motion=looks[name][1], area=float(area))
        for (start, end), name, area in zip(windows, colours, areas, strict=True)
    )


def draw_sounds(rng: np.random.Generator, seconds: int, names: Sequence[str]) -> tuple[AudioEvent, ...]:
    """Draw a timeline of sounds."""
    return _events_of(_draw_timeline(rng, seconds, names))


Timeline = tuple[list[Window], list[str], np.ndarray]
"""Windows of sounds, their kinds, and draws from 0 to 1 for their pitches: most timelines are never made events."""


def _draw_timeline(rng: np.random.Generator, seconds: int, names: Sequence[str]) -> Timeline:
    windows = _draw_windows(rng, seconds)
    return windows, _draw_names(rng, names, len(windows)), rng.random(len(windows))


def _events_of(timeline: Timeline) -> tuple[AudioEvent, ...]:
    windows, kinds, draws = timeline
    pitches = (0.92 + (1.08 - 0.92) * draws).round(3)
    return tuple(
        AudioEvent(start=start, end=end, kind=kind, pitch=float(pitch))
        for (start, end), kind, pitch in zip(windows, kinds, pitches, strict=True)
    )


def _draw_audio(
    rng: np.random.Generator, seconds: int, visual: Sequence[VisualEvent], names: Sequence[str]
) -> tuple[AudioEvent, ...]:
    """Draw timelines independently of the pictures, and keep the first with two joint queries and three kinds.

    If there is none, keep the best one. Joint queries count if they need both senses: neither alone finds a window of
    IoU 0.5.
    """
    shown = windows_by_name((event.colour, (event.start, event.end)) for event in visual)
    best: Timeline = ([], [], np.zeros(0))
    best_worth = (-1, -1)
    for _ in range(ATTEMPTS):
        timeline = _draw_timeline(rng, seconds, names)
        windows, kinds, _ = timeline
        variety = min(3, len(set(kinds)))
        if (2, variety) <= best_worth:  # whatever the joint queries are
            continue
        pairs = find_pairs(shown, windows_by_name(zip(kinds, windows, strict=True)))
        worth = (sum(iou < 0.5 for iou, _, _ in choose_pairs(pairs)), variety)
        if worth > best_worth:
            best, best_worth = timeline, worth
        if worth == (2, 3):
            break
    return _events_of(best)


def windows_of(events: Iterable[Event]) -> list[Window]:
    """The windows of events, in their order."""
    return [(event.start, event.end) for event in events]


def overlaps(first: Iterable[Event], second: Sequence[Event]) -> list[Window]:
    """The windows in which events of both lists overlap, in order of time."""
    spans = [(max(a.start, b.start), min(a.end, b.end)) for a in first for b in second]
    return sorted((start, end) for start, end in spans if start < end)


def of_colour(visual: Iterable[VisualEvent], colour: str) -> list[VisualEvent]:
    """The events of one colour."""
    return [event for event in visual if event.colour == colour]


def of_kind(audio: Iterable[AudioEvent], kind: str) -> list[AudioEvent]:
    """The sounds of one kind."""
    return [event for event in audio if event.kind == kind]


def choose_joint(visual: Sequence[VisualEvent], audio: Sequence[AudioEvent]) -> list[Pair]:
    """Choose two joint pairs for the joint queries, if possible without a colour or kind in common."""
    shown = windows_by_name((event.colour, (event.start, event.end)) for event in visual)
    return choose_pairs(find_pairs(shown, windows_by_name((event.kind, (event.start, event.end)) for event in audio)))
