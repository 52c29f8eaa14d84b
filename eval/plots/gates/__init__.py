"""Figures of a gate log: `view` says which samples stand where, `sheet` and `figures` put the panels together."""
