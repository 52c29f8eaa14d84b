"""The setting of an audio control: what the network hears in place of a video's own sound."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from cli import Settings, UserError
from formats.grid import CLIP_SECONDS

AudioKind = Literal["original", "zeroed", "shuffled", "noise", "shifted", "missing"]
ControlShare = Annotated[float, Field(gt=0, le=1)]
ControlSeconds = Annotated[float, Field(allow_inf_nan=False)]


@dataclass(frozen=True)
class AudioControl:
    """Audio that the network hears; model/data/audio_controls.py describes each kind.

    Attributes:
        share: share of the videos whose audio is replaced; for `missing`, of the clips of each video.
        seconds: how late `shifted` audio comes.
    """

    kind: AudioKind = "original"
    share: float = 1.0
    seconds: float = 0.0

    @property
    def replaces(self) -> bool:
        """Whether the sound of the videos is no longer their own; late or silent, it still is."""
        return self.kind in ("zeroed", "shuffled", "noise")


class ControlledAudio(Settings):
    """What the sections that control audio share. Each has the three keys as fields of its own, in their places."""

    UNWRITTEN: ClassVar[dict[str, Any]] = {"audio_control_share": 1.0, "audio_control_seconds": 0.0}
    """Values of later keys that are not written, so that files written without these keys stay valid."""
    audio_control: AudioKind
    audio_control_share: float
    audio_control_seconds: float

    @property
    def control(self) -> AudioControl:
        """The control."""
        return AudioControl(self.audio_control, self.audio_control_share, self.audio_control_seconds)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, without those of `UNWRITTEN`."""
        return {key: value for key, value in super().to_dict().items() if self.UNWRITTEN.get(key) != value}

    def check_control(self, section: str) -> None:
        """Check that share and seconds have an effect. `section`: train or inference.

        Raises:
            UserError: one of them has none, or seconds are no whole clips.
        """
        kind, seconds = self.audio_control, self.audio_control_seconds
        if self.audio_control_share < 1 and kind == "original":
            raise UserError(f"{section}.audio_control_share has no effect with audio_control original")
        if seconds and kind != "shifted":
            raise UserError(f"{section}.audio_control_seconds has no effect with audio_control {kind}")
        if kind == "shifted" and (not seconds or seconds % CLIP_SECONDS):
            raise UserError(
                f"{section}.audio_control_seconds must be a multiple of {CLIP_SECONDS:g} (a clip), and not 0, with"
                f" audio_control shifted, got {seconds:g}"
            )
