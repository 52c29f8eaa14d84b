"""The whole configuration as one class: every section of config.yaml.

`make schema` generates the JSON schema, docs/reference/configuration.md and the comments of config.yaml from it. An
encoder's sections come from its streams in the registry. Rules read the JSON schema and do not import this module.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Annotated, Any, get_type_hints

from pydantic import Field

from cli import Settings
from demo.plan import DemoConfig
from demo.weights.settings import EncoderConfig
from feature_extractors.encoders.registry import STREAMS
from feature_extractors.encoders.stream import EncodingConfig
from feature_extractors.released.layouts import ImportConfig
from formats.grid import ClipGrid
from model.config import NO_REPEATS, InferenceConfig, ModelConfig, TrainConfig
from workflow.settings import (
    ComparisonConfig,
    ConditionConfig,
    DatasetConfig,
    EvaluationConfig,
    PlotsConfig,
    RunConfig,
)

Stream = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_]*$")]
RunName = Annotated[
    str,
    Field(
        pattern=r"^[a-z0-9][a-z0-9_.-]*$",
        json_schema_extra={"not": {"enum": ["random", "baseline", "given", "moments"]}},
    ),
]


class Reruns:
    """The rules that a changed key of a section re-runs first; rules that depend on them follow.

    Args:
        rules: rules of all keys that are not listed in `keys`.
        keys: rules of individual keys.
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


@dataclass(frozen=True, kw_only=True)
class CoreConfig(Settings):
    """Every section except those of encoders."""

    dataset: Annotated[
        DatasetConfig,
        Reruns(
            "manifest encode import_released train infer score",
            name="all",
            videos="manifest encode",
            broken_videos="check_problems score",
            shards="manifest encode import_released",
            scopes="train infer infer_gated",
            domains="tvsum",
        ),
    ]
    """Which videos and queries."""
    demo: Annotated[DemoConfig, Reruns("media")] = field(default_factory=DemoConfig)
    """The demo's videos and queries, made from a seed; used only where dataset.name is demo or begins with demo_."""
    demo_encoders: Annotated[EncoderConfig, Reruns("weights_clip weights_pann weights_clap")] = field(
        default_factory=EncoderConfig
    )
    """Weights of the demo's encoders: drawn from a seed and calibrated without labels."""
    clips: Annotated[ClipGrid, Reruns("manifest encode import_released")] = field(default_factory=ClipGrid)
    """The grid of clips that all streams share."""
    encoding: Annotated[EncodingConfig, Reruns("encode")] = field(default_factory=EncodingConfig)
    """Numeric precision of all encoders and of the stored features."""
    weights_mirror: Annotated[str, Reruns("")] = ""
    """Folder that published weights are copied from; empty = they are downloaded."""
    imported: Annotated[dict[Stream, ImportConfig], Reruns("import_released")] = field(default_factory=dict)
    """Streams made from released feature files, such as `slowfast: {layout: moment_detr, folders: [slowfast]}`. An
    imported stream with the name of an encoded one replaces it."""
    model: Annotated[ModelConfig, Reruns("train")] = field(default_factory=ModelConfig)
    """The network: QD-DETR with a fusion of audio into video in front. The runs below patch this section."""
    train: Annotated[TrainConfig, Reruns("train")] = field(default_factory=TrainConfig)
    """The training recipe. The runs below patch this section."""
    runs: Annotated[
        dict[RunName, RunConfig | None],
        Field(min_length=1),
        Reruns("train", inference="infer infer_gated", checkpoint_of="train infer infer_gated"),
    ]
    """Named experiments, each a patch of `model`, `train` and `inference`. The patched sections are checked too. The
    names `random`, `baseline`, `given` and `moments` are reserved."""
    conditions: Annotated[
        dict[RunName, ConditionConfig | None],
        Reruns("train", inference="infer infer_gated", label="tabulate_conditions"),
    ] = field(default_factory=dict)
    """What varies in a comparison under conditions (`comparison`), level by level. A level that changes only what is
    heard at prediction uses the checkpoints of the run itself, and levels that are trained alike share theirs."""
    comparison: Annotated[ComparisonConfig, Reruns("tabulate_conditions", runs="train", conditions="train")] = field(
        default_factory=ComparisonConfig
    )
    """Runs that are compared under conditions: one table and one figure (config/studies/gates.yaml)."""
    checkpoint: Annotated[str, Reruns("import_checkpoint predict predict_gated")] = ""
    """Trained network that predicts all splits; nothing is then trained (config/folder.yaml). Splits with labels are
    scored, and gates are logged, under the name `given`. A file of this project names its streams itself; for one of
    QD-DETR or its gated variant, which is imported first, `model` names them. With dataset.scopes by_domain `{scope}`
    stands for the domain. Empty = every run is trained."""
    bundle: Annotated[str, Reruns("encode predict predict_gated")] = ""
    """Folder of a trained network with its encoders, which predicts all splits; nothing is then trained. It replaces
    `checkpoint`, the encoders' sections, `clips`, and inference.window_seconds unless that is given. Make one with
    `python -m av_highlights bundle`; or published:NAME, once `python -m av_highlights fetch NAME` has fetched it."""
    main_run: Annotated[str, Reruns("plot_gates_of_main_run")]
    """The run shown in plots/gates_val.png."""
    selected_runs: Annotated[tuple[str, ...], Field(min_length=1), NO_REPEATS, Reruns("train summarise")]
    """The runs that the target `all` trains. Adding a run does not re-run the others."""
    seeds: Annotated[
        tuple[Annotated[int, Field(ge=0, le=2**32 - 1)], ...],
        Field(min_length=1),
        NO_REPEATS,
        Reruns("train summarise"),
    ]
    """Seeds; each run is trained once per seed. Adding a seed does not re-run the others."""
    inference: Annotated[
        InferenceConfig,
        Reruns(
            "infer infer_gated",
            gate_log="infer_gated predict_gated",
            gate_sample_count="infer_gated predict_gated",
            gate_save_path="infer_gated predict_gated",
        ),
    ] = field(default_factory=InferenceConfig)
    """Prediction and gate logging."""
    evaluation: Annotated[
        EvaluationConfig,
        Reruns("", score_by="score score_other", score_lists="score score_other", gates_by="gates"),
    ] = field(default_factory=EvaluationConfig)
    """Annotation keys to break results down by; keys that no row has are ignored."""
    plots: Annotated[PlotsConfig, Reruns("plot_gates plot_gate_figures", topk="plot_gates plot_gate_figures rank")] = (
        field(default_factory=PlotsConfig)
    )
    """Figures."""


# Keys that determine the demo's weights, besides their seed.
_DRAWN = {
    "clip": {"architecture": "weights_clip encode", "definition": "weights_clip encode"},
    "pann": {"base_channels": "weights_pann encode", "embedding_dim": "weights_pann encode"},
}


def encoder_sections() -> dict[str, type[Settings]]:
    """The sections that encoders add, each with its class: the one with the key `weights` if the section has it."""
    shared = {entry.name for entry in dataclasses.fields(CoreConfig)}
    found: dict[str, type[Settings]] = {}
    for stream in STREAMS.values():
        for section, settings in get_type_hints(stream.stage).items():
            if isinstance(settings, type) and issubclass(settings, Settings) and section not in shared:
                key = stream.weights
                found[section] = key.settings if key is not None and key.section == section else settings
    return found


def _field_of(section: str, settings: type[Settings]) -> tuple[str, Any, Any]:
    """The field of a section; a section may be omitted if each of its keys has a default."""
    required = any(
        entry.default is entry.default_factory is dataclasses.MISSING
        for entry in dataclasses.fields(settings)  # type: ignore[arg-type]
    )
    hint = Annotated[settings, Reruns("encode", **_DRAWN.get(section, {}))]  # type: ignore[valid-type]
    return section, hint, field() if required else field(default_factory=settings)


StudyConfig = dataclasses.make_dataclass(
    "StudyConfig",
    [_field_of(section, settings) for section, settings in encoder_sections().items()],
    bases=(CoreConfig,),
    frozen=True,
    kw_only=True,
)
"""Configuration of the workflow: all sections."""
