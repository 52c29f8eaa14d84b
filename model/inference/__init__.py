"""From a checkpoint to submission rows and gate logs: `predict` runs the network, `split` handles a whole split."""
