"""The configuration sections that the model reads. The gating keys keep the names that users of the system know."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from cli import Settings, UserError
from formats.grid import CLIP_SECONDS
from formats.rows import shorten
from model import CODE_VERSION
from model.audio_control import AudioKind, ControlledAudio, ControlSeconds, ControlShare
from model.compat import REPAIRED, Compat

Count = Annotated[int, Field(ge=1)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, lt=1)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
# Constraints that pydantic lacks go into the JSON schema, and into `__post_init__` of a class where they matter.
NO_REPEATS = Field(json_schema_extra={"uniqueItems": True})
OR_ALL = Field(ge=-1, json_schema_extra={"not": {"const": 0}})
Precision = Literal["float32", "bfloat16"]
SALIENCY_METRIC = "mAP"
"""The only metric of a validation without moments."""


@dataclass(frozen=True, kw_only=True)
class ModelConfig(Settings):
    """The network. Defaults are those of QD-DETR and of the gated fusion's base preset."""

    video_streams: Annotated[tuple[str, ...], Field(min_length=1), NO_REPEATS] = ("clip_visual",)
    """Feature streams of the video input, concatenated in this order. Each is L2-normalised per clip first."""
    audio_streams: Annotated[tuple[str, ...], NO_REPEATS] = ("pann",)
    """Feature streams of the audio input, concatenated in this order. Each is L2-normalised per clip first."""
    text_stream: str = "clip_text"
    """Feature stream of the query's tokens."""
    endpoint_features: bool = True
    """Append each clip's start and end, as fractions of the video's length, to the video input (TEF)."""
    max_tokens: Count = 32
    """Maximum number of tokens per query; further tokens are dropped."""
    silence_db: Annotated[float, Field(le=0, allow_inf_nan=False)] = -60.0
    """Level below which a clip counts as silent: RMS, in dB of full scale. If the audio store has no levels, no clip
    counts as silent by level."""

    fusion: Literal["none", "concat", "avigate", "avigate_custom"] = "avigate_custom"
    """How audio enters: none, concat, avigate (gated cross-attention) or avigate_custom (gated identity attention).
    `none` reads no audio; `concat` appends it to the video input of the same clip; in `avigate` every clip attends to
    the clips that have sound, all of them or those nearby (`fusion_window`); in `avigate_custom` clip i of the video
    receives clip i of the audio."""
    gating_type: Literal["global", "clipwise", "elementwise"] = "global"
    """One gate per video (global), per clip (clipwise), or per clip and channel (elementwise). A layer's gates have the
    shape (1, 1), (L, 1) or (L, D) for L clips and D = hidden_dim channels."""
    fusion_layers: Count = 4
    """Layers of the gated fusion, each with its own gates."""
    fusion_n_heads: Count = 4
    """Attention heads of the gated fusion; they must divide hidden_dim."""
    fusion_window: Annotated[int, Field(ge=-1)] = -1
    """Clips on each side whose audio a clip may attend to in avigate: 0 = its own clip only, -1 = all clips, as
    published. Use a small window where time matters: the position encodings of QD-DETR barely tell neighbours apart."""
    mha_gate_temp: Positive = 1.5
    """Temperature of the audio gate, sigmoid((raw + bias) / temp) * scale. It is fixed, not learnt; a higher value
    makes the gate less sensitive to raw, the output of a perceptron on video and audio. This key and the next five
    apply to avigate_custom only."""
    mha_gate_bias_init: Finite = 1.0
    """Initial bias of the audio gate, sigmoid((raw + bias) / temp) * scale. It is learnt; a higher value opens the
    gate."""
    mha_gate_scale_init: Finite = 1.0
    """Initial scale of the audio gate, sigmoid((raw + bias) / temp) * scale. It is learnt; the gate lies between 0 and
    the scale."""
    ffn_gate_alpha_init: Finite = 0.3
    """Initial alpha of the feed-forward gate, tanh(raw) * alpha. It is learnt; the gate lies within ± alpha."""
    ffn_gate_film: bool = False
    """Modulate the gated feed-forward update by FiLM: gate * ((1 + gamma) * update + beta). gamma = tanh(raw) * alpha
    and beta = tanh(raw) * (the learnt scale of ffn_gate_beta_init) are per channel and start at 0, so FiLM initially
    changes nothing."""
    ffn_gate_beta_init: Finite = 0.3
    """Initial scale of FiLM's shift, beta = tanh(raw) * scale. It is learnt; the shift lies within ± scale."""

    hidden_dim: Annotated[int, Field(ge=4)] = 256
    """Width D of the network; a multiple of 4 and of n_heads."""
    n_heads: Count = 8
    """Attention heads of the encoders and the decoder."""
    encoder_layers: Count = 2
    """Layers of the text-to-video encoder and of the self-attention encoder, each."""
    decoder_layers: Count = 2
    """Layers of the moment decoder."""
    feedforward_dim: Count = 1024
    """Width of the feed-forward parts of the encoders and the decoder."""
    dropout: Share = 0.1
    """Dropout of the encoders and the decoder."""
    input_dropout: Share = 0.5
    """Dropout of the input projections. 0.5 suits features of thousands of dimensions."""
    num_queries: Count = 10
    """Moments predicted per query."""
    query_product: bool = False
    """Add to each clip its product with the query before the clips attend to the words. With few training queries the
    network learns much sooner. QD-DETR does not have this."""
    anchors: Literal["learnt", "proposed"] = "learnt"
    """Starting points of the moment decoder: learnt, the same for all videos, as in QD-DETR; or proposed by the clips,
    each of which then also learns whether it lies in a moment and how far that moment reaches."""
    # Given explicitly, because pydantic would write a dataclass default into the JSON schema field by field.
    compat: Annotated[Compat, Field(json_schema_extra={"default": []})] = REPAIRED
    """Repairs to undo in order to reproduce the references. docs/reference/model.md describes each one."""

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
        """The keys that affect this network, so that tuning a gate does not re-run networks without that gate."""
        idle: set[str] = set()
        if not self.reads_audio:
            idle |= {"audio_streams", "silence_db"}
        if not self.has_gates:
            idle |= {name for name in self.to_dict() if name.startswith(("fusion_", "gating_", "mha_", "ffn_"))}
        if self.fusion == "avigate":
            idle |= {name for name in self.to_dict() if name.startswith(("mha_", "ffn_"))}
        else:
            idle |= {"fusion_window"}
        if not self.ffn_gate_film:
            idle |= {"ffn_gate_beta_init"}
        kept = {name: value for name, value in self.to_dict().items() if name not in idle}
        return {**kept, "compat": list(self._effective_compat().names())}

    def _effective_compat(self) -> Compat:
        """The entries that affect this network; `rolled_negatives` always does."""
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
        """Plain values; `compat` is a list of names, as in the configuration."""
        return {**super().to_dict(), "compat": self.compat.names()}


@dataclass(frozen=True, kw_only=True)
class LossConfig(Settings):
    """Weights of the loss terms."""

    span: Weight = 10.0
    """Weight of the span term: mean absolute error of center and width, as fractions of the video's length."""
    giou: Weight = 1.0
    """Weight of the overlap term, 1 - generalised IoU."""
    label: Weight = 4.0
    """Weight of the label term, cross-entropy of moment against background."""
    saliency: Weight = 1.0
    """Weight of the saliency term: hinge, ranking and negative queries together."""
    background: Weight = 0.1
    """Weight of the background class within the label term."""
    margin: Weight = 0.2
    """Margin of the saliency hinge."""
    alignment: Weight = 0.0
    """Weight of the alignment term, cross-entropy of each clip's match with the query: 1 where it is relevant, else 0,
    and 0 for the query of another video. Above 0 it needs model.query_product. Ratings
    have no irrelevant clips, so objective saliency ignores it. QD-DETR does not have this term."""


@dataclass(frozen=True, kw_only=True)
class TrainConfig(ControlledAudio):
    """The training recipe. Defaults are QD-DETR's for QVHighlights."""

    UNWRITTEN: ClassVar[dict[str, Any]] = {**ControlledAudio.UNWRITTEN, "joined_operators": False}
    objective: Literal["moments_and_saliency", "saliency"] = "moments_and_saliency"
    """What to learn; saliency alone is the mode for TVSum, which needs best_metric mAP. Its rows have `label` instead
    of moments, and the decoder is never run."""
    epochs: Count = 200
    """Passes over the train split. QD-DETR uses 200 for the 7,218 queries of QVHighlights."""
    batch_size: Count = 32
    """Queries per step, over all processes together."""
    learning_rate: Positive = 1e-4
    """Learning rate of AdamW."""
    weight_decay: Weight = 1e-4
    """Weight decay of AdamW."""
    schedule: Literal["step", "cosine"] = "step"
    """Learning rate schedule: divide by ten every lr_drop epochs (step), or follow a cosine to 0 (cosine)."""
    lr_drop: Count = 400
    """Epochs between divisions of the learning rate by ten in schedule step."""
    warmup_steps: Annotated[int, Field(ge=0)] = 0
    """Steps of linear warm-up of the learning rate, in either schedule."""
    gradient_clip: Positive = 0.1
    """Maximum norm of the gradient."""
    precision: Precision = "float32"
    """Precision of the forward and backward pass, by autocast. Weights, losses and validation stay in float32. bfloat16
    is faster on GPUs and on processors with instructions for it, and many times slower on those without AVX-512."""
    joined_operators: bool = False
    """On a CPU, compute dropout together with its neighbours, in C that gcc compiles when a training starts. Steps take
    less time on some processors; results differ by rounding. Without gcc the setting has no effect, as the log says."""
    ema_decay: Share = 0.0
    """Decay per step of the averaged weights that are validated and saved; 0 = no averaging. 0.999 is common."""
    denoising_groups: Annotated[int, Field(ge=0)] = 0
    """In training, let the decoder also refine this many groups of num_queries starting points that lie around the true
    moments or anywhere, after DN-DETR; each group is matched on its own. QD-DETR has none."""
    max_windows: Count = 5
    """Maximum number of moments per query in training. If a query has more, each epoch draws some at random. At most
    num_queries."""
    validate_every: Count = 5
    """Epochs between validations. The last epoch is always validated."""
    patience: Annotated[int, Field(ge=0)] = 0
    """Stop after this many validations in a row without a better score; 0 = never."""
    best_metric: str = "MR-full-mAP"
    """Key of the validation summary that selects the epoch of best.pt."""
    audio_control: AudioKind = "original"
    """Audio that the network hears in training and validation. All values except original are controls."""
    audio_control_share: ControlShare = 1.0
    """Share of the videos that the control replaces the audio of; with `missing`, share of the clips of each video.
    They are drawn from the seed, and those of a smaller share are among those of a larger one."""
    audio_control_seconds: ControlSeconds = 0.0
    """Seconds by which `shifted` audio comes late, a multiple of 2; below 0 early."""
    loss: LossConfig = field(default_factory=LossConfig)
    """Weights of the loss terms."""

    @property
    def trains_moments(self) -> bool:
        """Whether the decoder is trained."""
        return self.objective == "moments_and_saliency"

    def __post_init__(self) -> None:
        self.check_control("train")


@dataclass(frozen=True, kw_only=True)
class TrainStage(Settings):
    """The settings that `train` reads."""

    model: ModelConfig
    train: TrainConfig
    version: int = CODE_VERSION["train"]

    def __post_init__(self) -> None:
        if self.train.trains_moments and self.train.max_windows > self.model.num_queries:
            raise UserError("train.max_windows must not exceed model.num_queries, the moments predicted per query")
        if self.train.loss.alignment and not self.model.query_product:
            raise UserError("train.loss.alignment needs model.query_product: true")
        if not self.train.trains_moments and self.train.best_metric != SALIENCY_METRIC:
            raise UserError(
                f"train.best_metric must be {SALIENCY_METRIC} with the objective {self.train.objective}, got "
                f"{shorten(self.train.best_metric)}"
            )


@dataclass(frozen=True, kw_only=True)
class InferenceConfig(ControlledAudio):
    """Inference and gate logging."""

    UNWRITTEN: ClassVar[dict[str, Any]] = {**ControlledAudio.UNWRITTEN, "precision": "float32"}
    batch_size: Count = 100
    """Queries per batch."""
    precision: Precision = "float32"
    """Precision of the network, by autocast; its decoder and heads stay in float32. Moments may move by a clip in
    bfloat16, which is faster on GPUs and on processors with instructions for it, and many times slower on those without
    AVX-512."""
    checkpoint: Literal["best", "last"] = "best"
    """Checkpoint whose predictions have the plain name, `predictions_{split}.jsonl`. The other one predicts too."""
    round_to_clips: bool = True
    """Round moments to whole clips, as the references do."""
    audio_control: AudioKind = "original"
    """Audio that the network hears when it predicts. All values except original are controls, drawn from the training
    seed."""
    audio_control_share: ControlShare = 1.0
    """Share of the videos that the control replaces the audio of; with `missing`, share of the clips of each video.
    They are drawn from the seed, and those of a smaller share are among those of a larger one."""
    audio_control_seconds: ControlSeconds = 0.0
    """Seconds by which `shifted` audio comes late, a multiple of 2; below 0 early."""
    window_seconds: Weight = 0.0
    """Predict longer videos in windows of this many seconds and merge the results; 0 = predict every video as a whole.
    Windows overlap by half; they should be no longer than the training videos."""
    duplicate_iou: Annotated[float, Field(ge=0, le=1)] = 1.0
    """Keep only the best of a query's moments that overlap by more than this IoU; 1 = keep all. Published scores use 1;
    lower it if videos are longer than window_seconds."""
    gate_log: bool = True
    """Log the gates of gated runs, one JSON line per query."""
    gate_sample_count: Annotated[int, OR_ALL] = -1
    """Number of queries whose gates are logged, from the start of the split; -1 = all. Scores always cover the whole
    split."""
    gate_save_path: Annotated[str, Field(pattern=r"^[^{}]*$")] = ""
    """Folder for the gate logs, in the same layout as the predictions; empty = next to the predictions. A file (.jsonl)
    is possible if a single job logs gates: several runs, seeds, scopes or splits cannot write one file."""

    @property
    def gate_file(self) -> str:
        """The file that `gate_save_path` names; empty if it names a folder."""
        return self.gate_save_path if self.gate_save_path.endswith(".jsonl") else ""

    def __post_init__(self) -> None:
        self.check_control("inference")
        if self.gate_sample_count == 0:
            raise UserError("inference.gate_sample_count must be -1 (all) or at least 1")
        if 0 < self.window_seconds < 2 * CLIP_SECONDS:
            raise UserError(
                f"inference.window_seconds must be 0 or at least {2 * CLIP_SECONDS:g} (two clips), got"
                f" {self.window_seconds:g}"
            )


@dataclass(frozen=True, kw_only=True)
class InferStage(Settings):
    """The settings that `infer` reads; the network's own configuration comes with the checkpoint."""

    inference: InferenceConfig = field(default_factory=InferenceConfig)
    version: int = CODE_VERSION["infer"]
