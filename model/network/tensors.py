"""Input and output tensors of the network. Imports no layers, so data code can use it alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Any

from torch import Tensor


@dataclass(frozen=True)
class InputDims:
    """Widths of the network's inputs, including endpoint features; audio 0 = none."""

    video: int
    text: int
    audio: int


@dataclass(frozen=True)
class Inputs:
    """A batch; masks are bool, True = valid. Audio is None if the network reads none.

    Attributes:
        video: (B, L, Dv); video_mask: (B, L).
        text: (B, T, Dt); text_mask: (B, T).
        audio: (B, L, Da); audio_mask: (B, L) clips with sound.
        seen: (B, L) clips of the video that have a picture; None = all of them.
        videos: (B,) for each query the row of its video, if a video that several queries are about is there once; the
            tensors of videos then have fewer rows. None = each query has a row of its own.
    """

    video: Tensor
    video_mask: Tensor
    text: Tensor
    text_mask: Tensor
    audio: Tensor | None
    audio_mask: Tensor | None
    seen: Tensor | None = None
    videos: Tensor | None = None

    @property
    def seen_mask(self) -> Tensor:
        """Mask of clips that attention may use, (B, L)."""
        return self.video_mask if self.seen is None else self.seen

    def video_of(self, sample: int) -> int:
        """The row of a query's video."""
        return sample if self.videos is None else int(self.videos[sample])

    def to(self, device: str) -> Inputs:
        """The same batch on another device."""
        return _mapped(self, lambda tensor: tensor.to(device))


@dataclass(frozen=True)
class Moments:
    """Moments of one decoder layer.

    Attributes:
        logits: (..., N, 2), class 0 = foreground.
        spans: (..., N, 2) center and width, fractions of the video.
    """

    logits: Tensor
    spans: Tensor


@dataclass(frozen=True)
class Proposals:
    """Moments that single clips propose.

    Attributes:
        logits: (B, L), higher = the clip lies in a moment.
        spans: (B, L, 2) center and width of that moment, fractions of the video.
        centers: (B, L) middle of each clip, as a fraction of the video.
    """

    logits: Tensor
    spans: Tensor
    centers: Tensor


@dataclass(frozen=True)
class GateValues:
    """Gates of one layer, each (B, 1 or L, 1 or D): one row per video if global, one column unless per channel.

    Attributes:
        mha: weight of the audio update, exactly 0 where a clip (global: a whole video) has no audio.
        ffn: signed weight of the feed-forward update.
        gamma, beta: FiLM's scale, applied as 1 + gamma, and its shift; None without FiLM. The original's FiLM has no
            separate scale: gamma is None, and the FFN gate takes its place.
    """

    mha: Tensor
    ffn: Tensor
    gamma: Tensor | None = None
    beta: Tensor | None = None


@dataclass(frozen=True)
class LayerGates:
    """The gates of a layer and their effect.

    Attributes:
        values: the gates.
        mha_contribution, ffn_contribution: (B, L) size of the gated update relative to the features x that it is added
            to, |gate * delta| / |x|.
    """

    values: GateValues
    mha_contribution: Tensor
    ffn_contribution: Tensor


@dataclass(frozen=True)
class Fused:
    """Videos that no query was read for yet, with their audio.

    Attributes:
        clips: (V, L, D); position: (V, L, D) encoding of each clip's position.
        video_mask: (V, L) clips of the video; seen: (V, L) those that have a picture.
        gates: from every fusion layer; empty without gated fusion.
    """

    clips: Tensor
    position: Tensor
    video_mask: Tensor
    seen: Tensor
    gates: list[LayerGates]

    def take(self, videos: Tensor) -> Fused:
        """The videos of some rows (B,), which may repeat."""
        return _mapped(self, lambda tensor: tensor[videos])


@dataclass(frozen=True)
class Outputs:
    """The output of the network.

    Attributes:
        moments: from every decoder layer (B, N, ...), the last being the prediction; empty if the decoder was not run.
        saliency: (B, L), any real number, higher = more of a highlight.
        negative_saliency: (B, L) for the queries of other videos; None outside training.
        gates: from every fusion layer; empty without gated fusion.
        alignment, negative_alignment: (B, L) logits of a clip matching the query, and the query of another video; None
            without `query_product`.
        denoised: like `moments`, (B, G, N, ...), from G groups of given starting points per sample; else empty.
        proposals: moments that the clips propose; None if the decoder was not run or its anchors are learnt.
    """

    moments: list[Moments]
    saliency: Tensor
    negative_saliency: Tensor | None
    gates: list[LayerGates]
    alignment: Tensor | None = None
    negative_alignment: Tensor | None = None
    denoised: list[Moments] = field(default_factory=list)
    proposals: Proposals | None = None

    def to(self, device: str) -> Outputs:
        """The same outputs on another device."""
        return _mapped(self, lambda tensor: tensor.to(device))

    def float(self) -> Outputs:
        """The same outputs in float32, whatever precision the network ran in."""
        return _mapped(self, lambda tensor: tensor.float())


def _mapped(value: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """Copy a dataclass, list or tensor, with all its tensors changed."""
    if isinstance(value, Tensor):
        return change(value)
    if isinstance(value, list):
        return [_mapped(item, change) for item in value]
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{item.name: _mapped(getattr(value, item.name), change) for item in fields(value)})
    return value
