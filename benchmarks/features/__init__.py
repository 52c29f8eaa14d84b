"""What it costs to turn media into features: decoding, resampling, encoding, storing."""
