"""Bundles: one folder with a checkpoint, the settings of its encoders and their weights, which predicts anywhere.

`loading` reads and checks a bundle, `making` writes one, `study` makes it from a run of the workflow, and `published`
fetches bundles that are known by name. `formats.bundle` is the file format.
"""

from av_highlights.bundle.loading import Bundle, EncoderWeights, load_bundle
from av_highlights.bundle.making import BundleParts, make_bundle
from av_highlights.bundle.published import fetch_weights, open_bundle

__all__ = ["Bundle", "BundleParts", "EncoderWeights", "fetch_weights", "load_bundle", "make_bundle", "open_bundle"]
