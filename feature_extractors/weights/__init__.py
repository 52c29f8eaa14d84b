"""External weights: looked up by name, fetched and checked, and read without running any code in them."""
