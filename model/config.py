"""The configuration sections that the model consumes. Names of the gating keys are those users of the system know."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Literal

from pydantic import Field

from cli import Settings, UserError
from model import CODE_VERSION
from model.compat import REPAIRED, Compat

Count = Annotated[int, Field(ge=1)]
Positive = Annotated[float, Field(gt=0)]
Weight = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(ge=0, lt=1)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
AudioControl = Literal["original", "zeroed", "shuffled", "noise"]
"""What the network hears; model/data/audio_controls.py says what each one is."""
LABEL_SECONDS = 2.0
"""Length of the clips that the QVHighlights schema labels, and that networks see."""


@dataclass(frozen=True, kw_only=True)
class ModelConfig(Settings):
    """The network. Defaults are those of QD-DETR and of the gated fusion's base preset."""

    video_streams: Annotated[tuple[str, ...], Field(min_length=1)] = ("clip_visual",)
    """Feature streams joined, in this order, to the video input; each is L2-normalised first."""
    audio_streams: tuple[str, ...] = ("pann",)
    text_stream: str = "clip_text"
    endpoint_features: bool = True
    """Append each clip's start and end, as shares of the video, to the video input (TEF)."""
    max_tokens: Count = 32
    silence_db: Annotated[float, Field(le=0)] = -60.0
    """Clips quieter than this (RMS, dB of full scale) count as without sound, where the audio store tells levels."""

    fusion: Literal["none", "concat", "avigate", "avigate_custom"] = "avigate_custom"
    gating_type: Literal["global", "clipwise", "elementwise"] = "global"
    fusion_layers: Count = 4
    fusion_n_heads: Count = 4
    mha_gate_temp: Positive = 1.5
    mha_gate_bias_init: Finite = 1.0
    mha_gate_scale_init: Finite = 1.0
    ffn_gate_alpha_init: Finite = 0.3
    ffn_gate_film: bool = False
    ffn_gate_beta_init: Finite = 0.3

    hidden_dim: Count = 256
    n_heads: Count = 8
    encoder_layers: Count = 2
    """Depth of the text-to-video encoder and of the self-attention encoder, each."""
    decoder_layers: Count = 2
    feedforward_dim: Count = 1024
    dropout: Share = 0.1
    input_dropout: Share = 0.5
    num_queries: Count = 10
    """Moments predicted for each query."""
    # pydantic writes defaults of other types into a JSON schema field by field.
    compat: Annotated[Compat, Field(json_schema_extra={"default": []})] = REPAIRED
    """Repairs to undo, to reproduce the references; see docs/model.md."""

    def __post_init__(self) -> None:
        if self.hidden_dim % 4:
            raise UserError("model.hidden_dim must be a multiple of 4 (sine and cosine of center and width)")
        if self.hidden_dim % self.n_heads:
            raise UserError("model.hidden_dim must be a multiple of n_heads")
        if self.has_gates and self.hidden_dim % self.fusion_n_heads:
            raise UserError("model.hidden_dim must be a multiple of fusion_n_heads")
        if self.fusion != "none" and not self.audio_streams:
            raise UserError(f"model.audio_streams is empty, but model.fusion is {self.fusion!r}")

    @property
    def reads_audio(self) -> bool:
        """Whether any audio feature reaches the network."""
        return self.fusion != "none"

    @property
    def has_gates(self) -> bool:
        """Whether there are gates to log."""
        return self.fusion in ("avigate", "avigate_custom")

    def effective(self) -> dict[str, Any]:
        """The keys that change this network: a run need not be repeated because a gate that it lacks was tuned."""
        idle: set[str] = set()
        if not self.reads_audio:
            idle |= {"audio_streams", "silence_db"}
        if not self.has_gates:
            idle |= {name for name in self.to_dict() if name.startswith(("fusion_", "gating_", "mha_", "ffn_"))}
        if self.fusion == "avigate":
            idle |= {name for name in self.to_dict() if name.startswith(("mha_", "ffn_"))}
        if not self.ffn_gate_film:
            idle |= {"ffn_gate_beta_init"}
        kept = {name: value for name, value in self.to_dict().items() if name not in idle}
        return {**kept, "compat": list(self._effective_compat().names())}

    def _effective_compat(self) -> Compat:
        """The entries that change this network, `rolled_negatives` always being one."""
        given = self.compat
        pools = self.has_gates and self.gating_type == "global"
        # Together they let clips attend to padding, whatever the gating.
        attends = self.fusion == "avigate" and given.audio_mask_ignored
        return replace(
            given,
            audio_mask_ignored=given.audio_mask_ignored and self.reads_audio,
            double_endpoints=given.double_endpoints and self.reads_audio,
            silence_heard=given.silence_heard and self.reads_audio,
            unmasked_pooling=given.unmasked_pooling and (pools or attends),
            original_film=given.original_film and self.fusion == "avigate_custom" and self.ffn_gate_film,
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values; `compat` is the list of its names, as in the configuration."""
        return {**super().to_dict(), "compat": self.compat.names()}


@dataclass(frozen=True, kw_only=True)
class LossConfig(Settings):
    """Weights of the loss terms."""

    span: Weight = 10.0
    giou: Weight = 1.0
    label: Weight = 4.0
    saliency: Weight = 1.0
    background: Weight = 0.1
    """Weight of the background class in the label term."""
    margin: Weight = 0.2
    """Of the saliency hinge."""


@dataclass(frozen=True, kw_only=True)
class TrainConfig(Settings):
    """The training recipe. Defaults are QD-DETR's for QVHighlights."""

    objective: Literal["moments_and_saliency", "saliency"] = "moments_and_saliency"
    """What is learnt. `saliency` is TVSum's mode: rows carry `label`, no moments, and the decoder is never run."""
    epochs: Count = 200
    batch_size: Count = 32
    """Queries a step, over all processes together."""
    learning_rate: Positive = 1e-4
    weight_decay: Weight = 1e-4
    schedule: Literal["step", "cosine"] = "step"
    """`step`: a tenth after every `lr_drop` epochs; `cosine`: falling to 0 at the last step."""
    lr_drop: Count = 400
    """Epochs after which schedule `step` divides the learning rate by ten, again and again."""
    warmup_steps: Annotated[int, Field(ge=0)] = 0
    """Steps in which the learning rate rises from 0, under either schedule."""
    gradient_clip: Positive = 0.1
    precision: Literal["float32", "bfloat16"] = "float32"
    """Of the forward and backward pass; weights, losses and validation stay float32."""
    ema_decay: Share = 0.0
    """Decay a step of the averaged weights that are validated and saved; 0 = the weights themselves."""
    max_windows: Count = 5
    """Moments of a query that are trained on; of more, a random choice each epoch."""
    validate_every: Count = 5
    """Epochs between validations; the last epoch is always validated."""
    patience: Annotated[int, Field(ge=0)] = 0
    """Validations in a row without a better score after which training stops; 0 = never."""
    best_metric: str = "MR-full-mAP"
    """Key of the validation summary that decides which epoch is best.pt; TVSum's is `mAP`."""
    audio_control: AudioControl = "original"
    """What the network hears in training and validation."""
    loss: LossConfig = field(default_factory=LossConfig)

    @property
    def trains_moments(self) -> bool:
        """Whether the decoder is trained."""
        return self.objective == "moments_and_saliency"


@dataclass(frozen=True, kw_only=True)
class TrainStage(Settings):
    """What `train` consumes."""

    model: ModelConfig
    train: TrainConfig
    version: int = CODE_VERSION["train"]

    def __post_init__(self) -> None:
        if self.train.trains_moments and self.train.max_windows > self.model.num_queries:
            raise UserError("train.max_windows must not exceed model.num_queries: a moment more is never predicted")


@dataclass(frozen=True, kw_only=True)
class InferenceConfig(Settings):
    """Inference and gate logging."""

    batch_size: Count = 100
    checkpoint: Literal["best", "last"] = "best"
    round_to_clips: bool = True
    """Round moments to whole clips, as the references do."""
    audio_control: AudioControl = "original"
    """What the network hears; a control, drawn from the seed that it was trained with."""
    window_seconds: Weight = 0.0
    """Longer videos are predicted in overlapping windows of this length; 0 = every video as a whole."""
    duplicate_iou: Annotated[float, Field(ge=0, le=1)] = 1.0
    """Of moments that overlap by more, the best is kept; 1 = all are."""
    gate_log: bool = True
    gate_sample_count: int = -1
    """Queries whose gates are logged, in the order of the split; -1 = all. Scores always cover the whole split."""
    gate_save_path: str = ""
    """Folder for the gate logs; empty = beside the predictions."""

    def __post_init__(self) -> None:
        if self.gate_sample_count < -1 or self.gate_sample_count == 0:
            raise UserError("inference.gate_sample_count must be -1 (all) or at least 1")
        if 0 < self.window_seconds < 2 * LABEL_SECONDS:
            raise UserError(
                f"inference.window_seconds: {self.window_seconds:g} s is less than two clips of {LABEL_SECONDS:g} s,"
                " which cannot overlap"
            )


@dataclass(frozen=True, kw_only=True)
class InferStage(Settings):
    """What `infer` consumes; the network's own configuration comes with the checkpoint."""

    inference: InferenceConfig
    version: int = CODE_VERSION["infer"]
