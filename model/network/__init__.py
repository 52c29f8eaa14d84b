"""The network: QD-DETR with one of the fusions in front; `tensors` defines its inputs and outputs."""
