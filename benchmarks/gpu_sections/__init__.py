"""The sections of `benchmarks/gpu.py`: each module measures one thing and has a function `measure(record)`."""
