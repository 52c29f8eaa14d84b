"""Parts of `benchmarks/scale.py`: plans of studies on paper, rates, a cluster's scheduler, tables."""
