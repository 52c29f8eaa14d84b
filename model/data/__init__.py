"""Features of a split in memory, joined, normalised and masked as the network reads them."""
