"""The whole configuration as one class: every section of config.yaml, in its order.

What users read of it is generated from here (`make schema`): the JSON schema, docs/reference/configuration.md and the
comments of config.yaml. Rules import none of this: the encoders' classes load torch, and the JSON schema does not.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from pydantic import Field

from cli import Settings
from demo.plan import DemoConfig
from demo.weights import EncoderConfig
from feature_extractors.encoders.audio.clap import ClapConfig
from feature_extractors.encoders.audio.pann import PannConfig
from feature_extractors.encoders.clip.facts import ClipEncoderConfig
from feature_extractors.encoders.clip.visual import VisualConfig
from feature_extractors.encoders.engine import EncodingConfig
from feature_extractors.released import ImportConfig
from formats.grid import ClipGrid
from model.config import NO_REPEATS, InferenceConfig, ModelConfig, TrainConfig
from workflow.settings import DatasetConfig, EvaluationConfig, PlotsConfig, RunConfig

Stream = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_]*$")]
RunName = Annotated[
    str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", json_schema_extra={"not": {"enum": ["random", "baseline"]}})
]


class Reruns:
    """The rules that a changed key of a section re-runs first; what depends on them follows.

    Args:
        rules: of all keys but those named here.
        keys: the rules of single keys.
    """

    def __init__(self, rules: str, **keys: str) -> None:
        self.rules = tuple(rules.split())
        self.keys = {key: tuple(names.split()) for key, names in keys.items()}

    def of(self, key: str) -> tuple[str, ...]:
        """The rules of one key."""
        return self.keys.get(key, self.rules)

    def every(self) -> set[str]:
        """All rules that are named."""
        return {rule for rules in (self.rules, *self.keys.values()) for rule in rules}


# Weights are files or names of files, which the workflow hands to commands: no part of an encoder's settings.
@dataclass(frozen=True, kw_only=True)
class ClipSection(ClipEncoderConfig):
    """CLIP, and where its weights are."""

    weights: str = ""
    """Checkpoint (.pt, .safetensors), or published:clip-vit-b32-openai, published:clip-vit-l14-openai. Empty = those of
    the tag in `pretrained`."""


@dataclass(frozen=True, kw_only=True)
class PannSection(PannConfig):
    """PANN's Cnn14, and where its weights are."""

    weights: Annotated[str, Field(min_length=1)]
    """Checkpoint in the published format, or published:pann-cnn14."""


@dataclass(frozen=True, kw_only=True)
class ClapSection(ClapConfig):
    """CLAP, and where its weights are."""

    weights: Annotated[str, Field(min_length=1)]
    """Folder of a transformers checkpoint, or published:clap-htsat-unfused, or hub:owner/name. The folder holds
    config.json, preprocessor_config.json and model.safetensors or pytorch_model.bin; `hub:` is Hugging Face's cache."""


@dataclass(frozen=True, kw_only=True)
class StudyConfig(Settings):
    """Configuration of the workflow."""

    dataset: Annotated[
        DatasetConfig,
        Reruns(
            "manifest text import_released train infer score",
            name="all",
            videos="manifest visual audio_pann audio_clap",
            broken_videos="check_problems score",
            shards="manifest visual text audio_pann audio_clap import_released",
            scopes="train infer infer_gated infer_other",
        ),
    ]
    """Which videos and queries."""
    demo: Annotated[DemoConfig, Reruns("media")] = field(default_factory=DemoConfig)
    """The demo's videos and queries, made from a seed; used only where dataset.name is demo."""
    demo_encoders: Annotated[EncoderConfig, Reruns("weights_clip weights_pann weights_clap")] = field(
        default_factory=EncoderConfig
    )
    """Weights of the demo's encoders: drawn from a seed and calibrated without labels."""
    clips: Annotated[ClipGrid, Reruns("manifest visual audio_pann audio_clap import_released")] = field(
        default_factory=ClipGrid
    )
    """The grid of clips that all streams share."""
    clip: Annotated[
        ClipSection,
        Reruns("visual text", architecture="weights_clip visual text", definition="weights_clip visual text"),
    ]
    """CLIP, both towers, through open_clip."""
    visual: Annotated[VisualConfig, Reruns("visual")] = field(default_factory=VisualConfig)
    """The stream clip_visual."""
    encoding: Annotated[EncodingConfig, Reruns("visual text audio_pann audio_clap")] = field(
        default_factory=EncodingConfig
    )
    """How all encoders compute, and what is kept."""
    pann: Annotated[PannSection, Reruns("weights_pann audio_pann", weights="audio_pann")]
    """The stream pann: PANN's Cnn14."""
    clap: Annotated[ClapSection, Reruns("audio_clap")]
    """The stream clap: CLAP, through transformers."""
    weights_mirror: Annotated[str, Reruns("")] = ""
    """Folder that published weights are copied from; empty = they are downloaded."""
    imported: Annotated[dict[Stream, ImportConfig], Reruns("import_released")] = field(default_factory=dict)
    """Streams made from released feature files, such as `slowfast: {layout: moment_detr, folders: [slowfast]}`. One
    that bears the name of a stream that is made here takes its place."""
    model: Annotated[ModelConfig, Reruns("train")] = field(default_factory=ModelConfig)
    """The network: QD-DETR with a fusion of audio into video in front. The runs below patch this section."""
    train: Annotated[TrainConfig, Reruns("train")] = field(default_factory=TrainConfig)
    """The training recipe. The runs below patch this section."""
    runs: Annotated[
        dict[RunName, RunConfig | None],
        Field(min_length=1),
        Reruns("train", inference="infer infer_gated infer_other", checkpoint_of="train infer infer_gated infer_other"),
    ]
    """Named experiments, each a patch of `model`, `train` and `inference`. The patched sections are checked as
    well. The names `random` and `baseline` are taken."""
    checkpoint: Annotated[str, Reruns("predict")] = ""
    """A trained network to predict all splits with; nothing is then trained or scored (config/folder.yaml). Its network
    must read the streams of the main run. Empty = every run is trained."""
    main_run: Annotated[str, Reruns("plot_gates_of_main_run")]
    """The run of plots/gates_val.png."""
    selected_runs: Annotated[tuple[str, ...], Field(min_length=1), NO_REPEATS, Reruns("train summarise")]
    """The runs that the target `all` trains. A further one leaves the others as they are."""
    seeds: Annotated[
        tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1), NO_REPEATS, Reruns("train summarise")
    ]
    """Seeds; each run is trained once per seed. A further one leaves the others as they are."""
    inference: Annotated[
        InferenceConfig,
        Reruns(
            "infer infer_gated infer_other",
            gate_log="infer_gated",
            gate_sample_count="infer_gated",
            gate_save_path="infer_gated",
        ),
    ] = field(default_factory=InferenceConfig)
    """Prediction and gate logging."""
    evaluation: Annotated[EvaluationConfig, Reruns("", score_by="score score_other", gates_by="gates")] = field(
        default_factory=EvaluationConfig
    )
    """Annotation keys by whose values results are broken down; keys that no row has are passed over."""
    plots: Annotated[PlotsConfig, Reruns("plot_gates plot_gate_figures", topk="plot_gates plot_gate_figures rank")] = (
        field(default_factory=PlotsConfig)
    )
    """Figures."""
