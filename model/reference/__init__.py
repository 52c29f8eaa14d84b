"""Checkpoints of the public reference implementations: QD-DETR, and QD-DETR-exp with gated fusion."""
