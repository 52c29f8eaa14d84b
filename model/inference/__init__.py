"""From a checkpoint to submission rows and gate logs: `predict` runs the network, `split` answers a whole split."""
