"""Compare two feature stores row by row, and describe the differences."""
