"""Weights of the demo's encoders: drawn from a seed, calibrated, and saved in the published formats.

Nothing is trained and nothing is downloaded. Random networks preserve much of their input, but their outputs are nearly
constant: a large common part hides the differences between clips. Each network is therefore calibrated, without labels,
on pictures and sounds from the demo's generator with another seed (none of the demo's videos): batch norms take their
statistics from them, and the last linear map is set to a whitening, so that all directions of the output vary equally.
The extractors then load these files like published ones.

One module per encoder, because each imports a library that takes seconds and that the others do not need.
"""
