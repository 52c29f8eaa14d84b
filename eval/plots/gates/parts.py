"""Gates by part: videos with and without audio, and domains."""

from __future__ import annotations

from collections import Counter

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from eval.plots.gates.layers import SPREAD_NOTE, draw_spread, widen_axis
from eval.plots.gates.scales import KIND_COLOURS, TITLES, is_signed
from eval.plots.gates.view import GateView
from eval.plots.style import PAGE_WIDTH, QUIET, explain_empty, fit_text

# More domains than this would be unreadable: the smallest are merged.
MOST_DOMAINS = 20
NAME_LENGTH = 24


def list_parts(view: GateView) -> list[tuple[str, list[int]]]:
    """Name and samples of each part: has_audio first, then the domains in alphabetical order (samples with audio only).

    If there are more than `MOST_DOMAINS` domains, the smallest form one part.
    """
    audio = [view.log.samples[index].has_audio for index in view.columns]
    names = {True: "with audio", False: "no audio", None: "audio unknown"}
    parts = [
        (name, [index for index, found in zip(view.columns, audio, strict=True) if found is value])
        for value, name in names.items()
    ]
    domains = {index: view.row(index).get("domain") for index in view.heard()}
    sizes = Counter(str(domain) for domain in domains.values() if domain is not None)
    kept = sorted(name for name, _ in sorted(sizes.items(), key=lambda item: (-item[1], item[0]))[:MOST_DOMAINS])
    parts += [(name, [index for index, domain in domains.items() if str(domain) == name]) for name in kept]
    rest = [index for index, domain in domains.items() if domain is not None and str(domain) not in kept]
    parts.append((f"{len(sizes) - len(kept)} more domains", rest))
    return [(name, found) for name, found in parts if found]


def has_domains(view: GateView) -> bool:
    """Whether a sample with audio has a domain."""
    return any(view.row(index).get("domain") is not None for index in view.heard())


def draw_parts(view: GateView) -> Figure:
    """Draw the spread of each sample's mean over layers in each part; one panel per kind, one row per part."""
    parts = list_parts(view)
    figure = Figure(figsize=(PAGE_WIDTH, 0.3 * max(len(parts), 3) + 1.3), layout="constrained")
    panels = np.atleast_1d(figure.subplots(1, len(view.log.kinds), sharey=True))
    for number, (axes, kind) in enumerate(zip(panels, view.log.kinds, strict=True)):
        draw_kind_parts(axes, view, kind, parts)
        if number:
            axes.tick_params(axis="y", length=0, labelleft=False)
    missing = "\nNo domains: neither the log nor the ground truth has the key." if view.heard() else ""
    figure.suptitle(SPREAD_NOTE + ("" if has_domains(view) else missing))
    return figure


def draw_kind_parts(axes: Axes, view: GateView, kind: str, parts: list[tuple[str, list[int]]]) -> None:
    """Draw the parts of one kind as rows, from top to bottom."""
    values = view.means[kind].mean(1)
    drawn = False
    for place, (name, found) in enumerate(parts):
        shut = view.shut(kind)[found].all()
        if shut:  # nothing to gate: a text instead of a spread of zeros
            axes.text(
                0.5, place, "nothing to gate: exactly 0", transform=axes.get_yaxis_transform(), ha="center",
                va="center", fontsize=7, color=QUIET,
            )  # fmt: skip
            continue
        colour = "#7f7f7f" if name == "no audio" else KIND_COLOURS[kind]
        draw_spread(axes, place, values[found], colour, 0.6, horizontal=True)
        drawn = True
    axes.set_title(TITLES[kind], fontsize=9)
    axes.set_xlabel("mean of the layers", fontsize=8)
    axes.set_yticks(range(len(parts)), [f"{fit_text(name, NAME_LENGTH)} ({len(found)})" for name, found in parts])
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(len(parts) - 0.4, -0.6)
    if not parts:
        explain_empty(axes, "no samples")
    if not drawn:
        axes.set_xticks([])
        return
    # Fewer ticks in narrow panels: the last label of one panel would come close to the first of the next.
    widen_axis(axes, "x", steps=max(2, 6 - len(view.log.kinds)))
    if is_signed(kind, view.means[kind]):  # only now, so that the line does not change the limits
        axes.axvline(0, color=QUIET, linewidth=0.8, zorder=0)
    axes.grid(True, axis="x")
