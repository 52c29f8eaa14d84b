"""What the network says of one query about one video: moments, saliency and gates, in seconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from av_highlights.videos import show_path
from formats.annotations import Qid
from formats.arrays import Bools, Floats
from formats.rows import Row

NEUTRAL_QUERY = "the highlights of the video"
"""The query that stands in if none is given. It names nothing that can be seen or heard."""
APART = 3
"""Of clips less than this many clips apart, only the best is listed: they mostly show one event."""


@dataclass(frozen=True)
class Moment:
    """A part of a video.

    Attributes:
        start: seconds.
        end: seconds.
        score: 0 to 1 for a retrieved moment; for a clip its saliency, which is any number. Higher is better.
    """

    start: float
    end: float
    score: float


@dataclass(frozen=True, eq=False)
class LayerGates:
    """The gates of one layer of the fusion: how much of an update the layer lets through.

    Each gate is (C, K): C is the number of clips, or 1 if one gate covers the video; K is the number of channels, or 1.

    Attributes:
        mha: weight of what the sound adds to the picture; 0 where there is no sound.
        ffn: signed weight of the feed-forward update after it.
        gamma: FiLM's scale of that update, applied as 1 + gamma; None without FiLM.
        beta: FiLM's shift of that update; None without FiLM.
        mha_contribution: (L,) size of the gated sound relative to the picture's features that it is added to.
        ffn_contribution: (L,) the same for the feed-forward update.
    """

    mha: Floats
    ffn: Floats
    gamma: Floats | None
    beta: Floats | None
    mha_contribution: Floats
    ffn_contribution: Floats


@dataclass(frozen=True, eq=False)
class Answer:
    """The answer to one query about one video of L clips.

    Scores of one query compare across videos, as long as the network is the same. Scores of different queries do not.

    Attributes:
        video: the file.
        query: the query.
        neutral: whether no query was given, so that `NEUTRAL_QUERY` stands in for it; there are no moments then.
        moments: best first, none beyond the end of the video; those that overlap a better one by more than half are
            left out. Empty for a network that learnt only saliency.
        saliency: (L,) how much of a highlight each clip is, any number.
        times: (L, 2) start and end of each clip in seconds; none ends after the video.
        heard: (L,) clips with sound that the network hears; all False for a network without audio.
        gates: one entry per layer of the fusion; empty for a network without gates.
        gating_type: global, clipwise or elementwise; empty without gates.
        problems: what is wrong with the file, such as a cut-off end; empty for most.
        bundle: name of the bundle that answered.
        warning: what makes the answer worthless, as of the demo's network; empty for most.
    """

    video: Path
    query: str
    neutral: bool
    moments: tuple[Moment, ...]
    saliency: Floats
    times: Floats
    heard: Bools
    gates: tuple[LayerGates, ...]
    gating_type: str
    problems: tuple[str, ...]
    bundle: str
    warning: str

    @property
    def best(self) -> tuple[Moment, ...]:
        """The moments; if there are none, the clips with the highest saliency, best first, some clips `APART`."""
        if self.moments:
            return self.moments
        chosen: list[int] = []
        for clip in np.argsort(-self.saliency, kind="stable").tolist():
            if all(abs(clip - other) >= APART for other in chosen):
                chosen.append(clip)
        return tuple(Moment(*map(float, (*self.times[clip], self.saliency[clip]))) for clip in chosen)

    def mean_gate(self, moment: Moment | None = None) -> float | None:
        """Mean of the audio gates over layers, channels and the clips with sound, of the whole video or of a moment.

        None without gates, and where no clip has sound.
        """
        clips = self.heard
        if moment is not None:
            clips = clips & (self.times[:, 0] < moment.end) & (self.times[:, 1] > moment.start)
        if not self.gates or not clips.any():
            return None
        return float(
            np.mean([gates.mha[clips].mean() if len(gates.mha) > 1 else gates.mha.mean() for gates in self.gates])
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON. Arrays are nested lists; gates have the keys of the gate log."""
        return {
            "video": show_path(self.video),
            "query": self.query,
            "neutral": self.neutral,
            "bundle": self.bundle,
            "warning": self.warning,
            "problems": list(self.problems),
            "moments": [
                {"start": one.start, "end": one.end, "score": one.score, "mean_gate": _rounded(self.mean_gate(one))}
                for one in self.moments
            ],
            "clip_times": self.times.tolist(),
            "saliency": self.saliency.tolist(),
            "audio_mask": self.heard.tolist(),
            "gating_type": self.gating_type,
            "mean_gate": _rounded(self.mean_gate()),
            "layer_gates": [
                {f"gate_{kind}": gate.tolist() for kind, gate in _by_kind(layer).items()} for layer in self.gates
            ],
            "contribution": [
                {"mha": layer.mha_contribution.tolist(), "ffn": layer.ffn_contribution.tolist()} for layer in self.gates
            ],
        }

    def plot(self, path: str | Path, topk: int = 5) -> None:
        """Draw the saliency over the video, with the `topk` best moments below, and save it as .png or .svg.

        Raises:
            UserError: another suffix, or the file cannot be written.
        """
        from eval.best_moments import rank_queries
        from eval.plots.moments import plot_moments

        query, row = self.to_rows()
        # The title of a query that stands in is not its text.
        ranked = rank_queries([{**row, "query": query["query"]}], [query], topk, ("answer", "query"))
        plot_moments(query, row, ranked[0], [Path(path)], "answer", caption=_sentence(self.warning))

    def to_rows(self, qid: Qid = 0) -> tuple[Row, Row]:
        """The query, and the prediction as the row that is submitted to QVHighlights, with the file's name as `vid`."""
        names = {"qid": qid, "query": self.query, "vid": show_path(Path(self.video.name))}
        windows = [[one.start, one.end, one.score] for one in self.moments]
        title = f"highlights (no query: {self.query!r} stands in)" if self.neutral else self.query
        found = {"pred_relevant_windows": windows} if windows else {}
        return {**names, "query": title}, {**names, **found, "pred_saliency_scores": self.saliency.tolist()}


def read_gates(row: Row | None) -> tuple[LayerGates, ...]:
    """The gates in a row of the gate log; none if there is no row."""
    if row is None:
        return ()
    return tuple(
        LayerGates(
            **{kind: _array(gates.get(f"gate_{kind}")) for kind in ("mha", "ffn", "gamma", "beta")},  # type: ignore[arg-type]
            mha_contribution=np.array(contribution["mha"]),
            ffn_contribution=np.array(contribution["ffn"]),
        )
        for gates, contribution in zip(row["layer_gates"], row["contribution"], strict=True)
    )


def _sentence(text: str) -> str:
    return f"Warning: {text}" if text else ""


def _array(values: Any) -> Floats | None:
    return None if values is None else np.array(values, dtype=np.float64)


def _by_kind(gates: LayerGates) -> Mapping[str, Floats]:
    kinds = {"mha": gates.mha, "ffn": gates.ffn, "gamma": gates.gamma, "beta": gates.beta}
    return {kind: gate for kind, gate in kinds.items() if gate is not None}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)
