"""Gates over training, from the history of a run: the mean of each layer at every validated epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from cli import UserError
from eval.plots.gates.layers import CONTRIBUTION
from eval.plots.gates.scales import TITLES, UPDATES, is_signed, layer_colours, widen
from eval.plots.gates.tick_labels import set_ticks
from eval.plots.style import PAGE_WIDTH, QUIET, explain_empty
from formats.arrays import Floats, read_numbers
from formats.gate_log import LARGEST
from formats.rows import Row

# The means that `GateMeans` in the package `model` computes.
MEANS = (
    "Mean over the validation queries whose video has sound; of each, the mean over its clips with sound\n"
    "(and channels), for every kind and its contribution. A global gate is one number a query."
)
NO_HISTORY = "no history was given"
NO_GATES = "the history holds no gates of validated epochs\n(a run without gates, or of an older version)"


def read_gate_history(history: Sequence[Row], name: str = "history") -> tuple[Floats, dict[str, Floats]]:
    """Read the epochs (n,) that have gates, and the means (n, layers) by kind ("mha", "ffn_contribution", ..).

    A kind that is null or missing in an epoch is NaN there.

    Raises:
        UserError: a row is malformed; the message names it.
    """
    rows = []
    for number, row in enumerate(history, start=1):
        gates = row.get("gates")
        if gates is None:
            continue
        epoch = row.get("epoch")
        if not isinstance(gates, dict) or isinstance(epoch, bool) or not isinstance(epoch, int) or epoch > LARGEST:
            raise UserError(f"{name}: row {number}: needs 'epoch' (a whole number) and 'gates' (an object or null)")
        known = {
            key: read_numbers(values, (None,), f"{name}: row {number}: gates.{key}", LARGEST)
            for key, values in gates.items()
            if values is not None
        }
        rows.append((epoch, known))
    kinds = list(dict.fromkeys(key for _, known in rows for key in known))
    found = {}
    for kind in kinds:
        layers = {len(known[kind]) for _, known in rows if kind in known}
        if len(layers) > 1:
            raise UserError(f"{name}: gates.{kind}: the number of layers changes between epochs: {sorted(layers)}")
        nothing = np.full(layers.pop(), np.nan)
        found[kind] = np.stack([known.get(kind, nothing) for _, known in rows])
    return np.array([epoch for epoch, _ in rows], dtype=np.float64), found


def average_histories(histories: Mapping[str, Sequence[Row]]) -> Sequence[Row]:
    """The mean of the gates of several networks, such as one per domain, at the epochs that all of them validated.

    Args:
        histories: rows of history.jsonl by name; a single one is returned as it is.

    Raises:
        UserError: a row is malformed, or the networks differ in their layers.
    """
    if len(histories) == 1:
        return next(iter(histories.values()))
    read = [read_gate_history(rows, name) for name, rows in histories.items()]
    shared = sorted(set.intersection(*({int(epoch) for epoch in epochs} for epochs, _ in read)))
    mean: list[Row] = [{"epoch": epoch, "gates": {}} for epoch in shared]
    for kind in dict.fromkeys(kind for _, known in read for kind in known):
        found = [(epochs.tolist(), values[kind]) for epochs, values in read if kind in values]
        if len({values.shape[1] for _, values in found}) > 1:
            raise UserError(f"{' and '.join(histories)}: gates.{kind}: the numbers of layers differ")
        for row in mean:
            values = np.stack([of_run[epochs.index(row["epoch"])] for epochs, of_run in found])
            known = values[~np.isnan(values).any(axis=1)]
            row["gates"][kind] = known.mean(0).tolist() if len(known) else None
    return mean


def draw_training(history: Sequence[Row] | None) -> Figure:
    """Draw one panel per kind of gate, with the contribution of its update below; one line per layer."""
    epochs, found = read_gate_history(history or [])
    kinds = [kind for kind in TITLES if kind in found] or ["mha", "ffn"]
    figure = Figure(figsize=(PAGE_WIDTH, 4.4), layout="constrained")
    panels = figure.subplots(2, len(kinds), squeeze=False)
    for column, kind in enumerate(kinds):
        draw_training_panel(panels[0, column], epochs, found, kind, empty=NO_HISTORY if history is None else NO_GATES)
        draw_training_panel(
            panels[1, column], epochs, found, f"{kind}_contribution",
            empty=f"the history has no contribution of the\n{UPDATES[kind]}",
        )  # fmt: skip
        panels[1, column].set_xlabel("epoch")
    layers = max((values.shape[1] for values in found.values()), default=0)
    handles = [
        Line2D([], [], color=colour, linewidth=1.6, label=f"layer {number}")
        for number, colour in enumerate(layer_colours(layers), start=1)
    ]
    if handles:
        figure.legend(handles=handles, loc="outside lower center", ncols=min(len(handles), 6))
        figure.suptitle(MEANS)
    return figure


def draw_training_panel(axes: Axes, epochs: Floats, found: dict[str, Floats], kind: str, empty: str) -> None:
    """Draw the means of one kind (or of its contribution) by epoch."""
    base = kind.removesuffix("_contribution")
    is_gate = base == kind
    axes.set_title(TITLES[base] if is_gate else f"Contribution of the {UPDATES[base]}", fontsize=9)
    axes.set_ylabel("mean gate" if is_gate else CONTRIBUTION, fontsize=8)
    values = found.get(kind)
    if values is None or not values.shape[1]:
        explain_empty(axes, empty)
        return
    for layer, colour in zip(values.T, layer_colours(values.shape[1]), strict=True):
        axes.plot(epochs, layer, color=colour, linewidth=1.4, marker="o" if len(epochs) <= 30 else None, markersize=3)
    axes.set_ylim(*widen(*axes.get_ylim()))
    if is_gate and is_signed(base, values):  # only now, so that the line does not change the limits
        axes.axhline(0, color=QUIET, linewidth=0.8, zorder=0)
    set_ticks(axes.yaxis, 6)
    label_epochs(axes, epochs)
    axes.grid(True)


def label_epochs(axes: Axes, epochs: Floats) -> None:
    """Set ticks at whole epochs from the first to the last of (n,), not in the margins, where no epoch exists."""
    first, last = float(epochs.min()), float(epochs.max())
    places = MaxNLocator(integer=True, nbins=8).tick_values(first, last) if first < last else np.array([first])
    axes.set_xticks([place for place in places if first <= place <= last])
    if first == last:
        axes.set_xlim(first - 0.5, last + 0.5)
