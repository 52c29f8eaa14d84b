"""Runs under conditions: scores, paired differences and calibration of gates, level by level."""
