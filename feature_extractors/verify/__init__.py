"""Two feature stores compared row by row, and what a difference looks like."""
