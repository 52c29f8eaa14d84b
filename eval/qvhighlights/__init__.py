"""The official QVHighlights evaluation of moment retrieval and highlight detection, with variants and comparisons."""
