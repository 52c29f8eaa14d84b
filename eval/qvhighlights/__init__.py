"""The official QVHighlights evaluation: moment retrieval, highlight detection, and what stands beside them."""
