"""Fusion of audio into video before the query is read: a stack of gated layers of one kind.

- `identity` (`avigate_custom`): clip i of the audio goes only to clip i of the video.
- `cross_attention` (`avigate`): every clip of the video attends to all clips of the audio that have sound.
"""

from __future__ import annotations

from torch import Tensor, nn

from model.config import ModelConfig
from model.network.fusion.cross_attention import CrossAttentionLayer
from model.network.fusion.identity import IdentityLayer
from model.network.tensors import LayerGates

LAYERS: dict[str, type[IdentityLayer] | type[CrossAttentionLayer]] = {
    "avigate": CrossAttentionLayer,
    "avigate_custom": IdentityLayer,
}


class GatedFusion(nn.Module):
    """The stack of layers; all layers get the same audio."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.layers = nn.ModuleList(LAYERS[config.fusion](config) for _ in range(config.fusion_layers))

    def forward(
        self, video: Tensor, audio: Tensor, seen: Tensor, audio_mask: Tensor, position: Tensor
    ) -> tuple[Tensor, list[LayerGates]]:
        """Fuse audio into video.

        Args:
            video, audio: (B, L, D).
            seen, audio_mask: (B, L) clips that have a picture, and clips that have sound.
            position: (B, L, D) encoding of each clip's position in the video.

        Returns:
            fused video (B, L, D) and the gates by layer.
        """
        # Without audio, the projection's output (its bias) carries no information.
        audio = audio.masked_fill(~audio_mask.unsqueeze(-1), 0.0)
        gates: list[LayerGates] = []
        for layer in self.layers:
            video, layer_gates = layer(video, audio, seen, audio_mask, position)
            gates.append(layer_gates)
        return video, gates
