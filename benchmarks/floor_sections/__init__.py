"""Parts of `benchmarks/floor.py`: what the machine can do, what a step has to do, and the processes that time it."""
