"""Comparisons with the original code and its scripts."""
