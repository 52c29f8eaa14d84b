"""What media files are, and what is odd about them: `patients` are looked at by `examination`, told by `tables`."""
