"""The network: QD-DETR with one of the fusions in front; `tensors` is what goes in and comes out."""
