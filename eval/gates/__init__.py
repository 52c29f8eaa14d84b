"""Statistics of gate logs."""
