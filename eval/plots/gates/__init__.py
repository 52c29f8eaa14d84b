"""Figures of a gate log: `view` arranges the samples, `sheet` and `figures` combine the panels."""
