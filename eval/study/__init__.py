"""Summary of the metrics of runs, seeds and domains, and its tables."""
