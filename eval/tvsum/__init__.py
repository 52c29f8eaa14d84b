"""TVSum and YouTube Highlights: top-5 average precision, rank correlations, summary F1; chance and human references."""
