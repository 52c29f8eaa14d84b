"""Frames of a demo video: a dim background, small grey distractors, and the large coloured shapes of the plan."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from demo.plan import PICTURE, VideoPlan, VisualEvent, swell

COLOURS = {
    "red": (225, 35, 35),
    "green": (30, 190, 60),
    "blue": (45, 75, 235),
    "yellow": (240, 215, 40),
    "white": (245, 245, 245),
}


def draw_frame(video: VideoPlan, t: float) -> np.ndarray:
    """The picture `t` seconds into the video, upright: uint8 (height, width, 3), RGB."""
    return _painter(video).paint(t)


@lru_cache(maxsize=2)
def _painter(video: VideoPlan) -> _Painter:
    return _Painter(video)


class _Painter:
    """The parts that all frames of a video share, computed once."""

    def __init__(self, video: VideoPlan) -> None:
        rng = video.stream(PICTURE)
        self.video = video
        self.size = np.array([video.width, video.height], dtype=np.float32)
        # A row and a column, which stand for the whole picture: what depends on one of them is computed once for it.
        self.x = np.arange(video.width, dtype=np.float32)[None, :] + 0.5
        self.y = np.arange(video.height, dtype=np.float32)[:, None] + 0.5
        # A light gradient, coarse blotches and fine grain: not flat, as no camera image is, and not a cue.
        angle = rng.uniform(0, 2 * np.pi)
        slope = np.cos(angle) * self.x / video.width + np.sin(angle) * self.y / video.height
        blotches = rng.normal(0, 5, size=(video.height // 8 + 1, video.width // 8 + 1)).repeat(8, 0).repeat(8, 1)
        grain = rng.normal(0, 3, size=slope.shape)
        light = 14 * slope + blotches[: video.height, : video.width] + grain
        self.background = np.clip(np.array(video.background) + light[..., None], 0, 255).astype(np.uint8)
        self.distractors = [
            (
                int(rng.integers(95, 130)),
                rng.uniform(0.04, 0.07) * video.height,
                rng.uniform(0.02, 0.08, 2),
                rng.random(2),
            )
            for _ in range(2)
        ]

    def paint(self, t: float) -> np.ndarray:
        frame = self.background.copy()
        for grey, half, speed, phase in self.distractors:
            place = (0.5 + 0.45 * np.sin(2 * np.pi * (speed * t + phase))) * self.size
            left, top = np.maximum(place - half, 0).astype(int)
            right, bottom = (place + half).astype(int)
            frame[top:bottom, left:right] = grey
        for event in self.video.visual:
            if event.start <= t < event.end:
                cover = self._cover(event, t)
                for channel, value in enumerate(COLOURS[event.colour]):  # in a fifth of the time of all three at once
                    frame[..., channel][cover] = value
        return frame

    def _cover(self, event: VisualEvent, t: float) -> np.ndarray:
        """Mask of the pixels that the shape covers, bool (height, width). It grows from 36 % of its area to 100 %."""
        width, height = self.size
        grown = float(0.6 + 0.4 * swell(event, np.array(t)))
        area = event.area * width * height
        across, along, turn = _move(event, t)
        x = self.x - width * (0.5 + across)
        y = self.y - height * (0.5 + along)
        if turn:
            x, y = np.cos(turn) * x + np.sin(turn) * y, np.cos(turn) * y - np.sin(turn) * x
        match event.shape:
            case "disc":
                return x * x + y * y < grown**2 * area / np.pi
            case "square":
                return np.maximum(abs(x), abs(y)) < grown * np.sqrt(area) / 2
            case _:  # An equilateral triangle that points up: its three sides are equally far from the centre.
                inner = grown * np.sqrt(area / (3 * np.sqrt(3)))
                return np.maximum(y, np.sqrt(0.75) * abs(x) - y / 2) < inner


def _move(event: VisualEvent, t: float) -> tuple[float, float, float]:
    """Where the shape is: offset from the centre as shares of width and height, and its rotation (radians)."""
    way = 2 * (t - event.start) / (event.end - event.start) - 1
    match event.motion:
        case "left":
            return -0.2 * way, 0.0, 0.0
        case "right":
            return 0.2 * way, 0.0, 0.0
        case "up":
            return 0.0, -0.15 * way, 0.0
        case "down":
            return 0.0, 0.15 * way, 0.0
        case "bounce":
            return 0.0, 0.12 - 0.24 * abs(float(np.sin(np.pi * (t - event.start)))), 0.0
        case _:
            return 0.0, 0.0, 1.5 * (t - event.start)
