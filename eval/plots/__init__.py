"""Pictures of numbers that the other modules of `eval` made. Only these modules import matplotlib."""
