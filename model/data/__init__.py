"""Features of a split in memory, concatenated, normalised and masked for the network."""
