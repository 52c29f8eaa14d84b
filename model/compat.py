"""Differences from the reference implementations: `model.compat` names the reference behaviours that a network keeps.

QD-DETR is the public code of Moon et al. (CVPR 2023); QD-DETR-exp is its variant with gated audio fusion.
docs/reference/model.md reports the measured effect of each behaviour.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Annotated, Any, Literal, Self

from cli import UserError


@dataclass(frozen=True, kw_only=True)
class Compat:
    """Behaviours of the references; False means this project's repair. Settings list the names that are True.

    Fields are in alphabetical order, and so are the names written into artefacts.
    """

    audio_mask_ignored: bool = False
    """Every clip of the video counts as having sound, whatever fills the tensor; with `unmasked_pooling` padding does
    too. QD-DETR-exp passes its fusion an audio mask that the layers never read."""
    double_endpoints: bool = False
    """Each clip's start and end are appended to the audio input as well as to the video input, as in QD-DETR's data
    loader."""
    original_film: bool = False
    """The feed-forward update is (1 + gate) * delta + beta, as in QD-DETR-exp's FiLM: it starts with weight 1 instead
    of about 0, and beta is one number for all channels unless the gating is elementwise."""
    rolled_negatives: bool = False
    """The negative query of each sample is the next one in the batch, even if it is about the same video: QD-DETR rolls
    the batch by one."""
    silence_heard: bool = False
    """Clips below `silence_db` count as having sound: QD-DETR-exp has no threshold, and its layer norm turns silence
    into a full-size update."""
    unmasked_pooling: bool = False
    """Global gates average over padding too, so they depend on the other samples in the batch: QD-DETR-exp takes the
    plain mean over time."""

    @classmethod
    def from_names(cls, names: Iterable[str]) -> Self:
        """The behaviours that a list names.

        Raises:
            UserError: a name is unknown or given twice.
        """
        names = tuple(names)
        known = cls.known()
        for name in names:
            if name not in known:
                raise UserError(f"model.compat: unknown entry {name!r} (known: {', '.join(known)})")
        if len(set(names)) < len(names):
            raise UserError("model.compat names an entry twice")
        return cls(**dict.fromkeys(names, True))

    @classmethod
    def known(cls) -> tuple[str, ...]:
        """All names, in alphabetical order."""
        return tuple(field.name for field in fields(cls))

    @classmethod
    def whole(cls) -> Self:
        """All behaviours of the references."""
        return cls.from_names(cls.known())

    def names(self) -> tuple[str, ...]:
        """The names that are True, in alphabetical order, as in settings and checkpoints."""
        return tuple(name for name in self.known() if getattr(self, name))

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        """Make settings read and write it as a list of names."""
        # Imported here because it is slow, and most importers of this module read no settings.
        from pydantic import AfterValidator, Field, PlainSerializer

        del source
        known = cls.known()
        names = Annotated[
            tuple[Literal[known], ...],  # type: ignore[valid-type]
            AfterValidator(cls.from_names),
            PlainSerializer(cls.names),
            Field(json_schema_extra={"uniqueItems": True}),
        ]
        return handler.generate_schema(names)


REMOVED = ("text_position_table",)
"""Entries of earlier versions: imports then kept QD-DETR's table of text positions, which no network reads."""


def drop_removed(names: Iterable[str]) -> list[str]:
    """The entries of a checkpoint of any version that still have a meaning."""
    return [name for name in names if name not in REMOVED]


REPAIRED = Compat()
"""No reference behaviour is kept: every repair is on."""
