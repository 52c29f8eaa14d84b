"""Metrics of runs, seeds and domains in one summary, and its tables."""
