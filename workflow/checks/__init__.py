"""Checks of the configuration before the first job: each mistake is one line that names the key."""
