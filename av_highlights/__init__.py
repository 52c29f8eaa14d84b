"""The front door: bundles of a trained network with its encoders, and moments found with them in any video.

Importing this package loads nothing heavy.
"""
