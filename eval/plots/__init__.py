"""Figures of the numbers that the rest of `eval` computes. Only the modules of this package import matplotlib."""

# Files of `plot-gate-figures`, each as .png and .svg. The first four names are those of the original tool.
GATE_FIGURES = (
    "gate_sections",
    "gate_top_bottom",
    "gate_layerwise_means",
    "gate_samples_layermean",
    "gate_time",
    "gate_contribution",
    "gate_informativeness",
    "gate_parts",
    "gate_training",
)
# Files of `plot-retrieval-figures`, each as .png and .svg.
RETRIEVAL_FIGURES = ("precision_recall", "reliability", "window_lengths")
