"""What a run of the workflow shows in the terminal."""
