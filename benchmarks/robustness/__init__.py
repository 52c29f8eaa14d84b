"""What faults of all kinds do: a small study that is broken in many ways, damaged media and stores, odd media."""
