"""What the reference implementations do otherwise than this one: `model.compat` names what a network is to keep of it.

QD-DETR is the public code of Moon et al. (CVPR 2023); QD-DETR-exp is its variant with gated fusion of sound. What each
choice costs is measured in docs/reference/model.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Annotated, Any, Literal, Self

from cli import UserError


@dataclass(frozen=True, kw_only=True)
class Compat:
    """Behaviours of the references; False is this project's repair. In settings it is the list of names that are True.

    The fields stand in alphabetical order, and so do the names that are written into artefacts.
    """

    audio_mask_ignored: bool = False
    """Every clip of the video counts as sound, with whatever fills the tensor; together with `unmasked_pooling` padding
    does too. Both references take an audio mask and never read it."""
    double_endpoints: bool = False
    """Each clip's start and end are joined to the sound as well as to the picture, as QD-DETR's data loader does."""
    original_film: bool = False
    """The feed-forward update is (1 + gate) * delta + beta, as QD-DETR-exp has FiLM: it starts with weight 1 instead of
    about 0, and beta is one number for all channels unless the gating is elementwise."""
    rolled_negatives: bool = False
    """The negative query of each sample is the next one of the batch, even one about the same video: QD-DETR rolls the
    batch by one."""
    silence_heard: bool = False
    """Clips below `silence_db` count as sound: QD-DETR-exp has no threshold, and its layer norm makes a full-size
    update of silence."""
    unmasked_pooling: bool = False
    """Global gates average over padding too, and so depend on who shares the batch: QD-DETR-exp takes the plain mean
    over time."""

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
        """Everything as the references have it."""
        return cls.from_names(cls.known())

    def names(self) -> tuple[str, ...]:
        """What is kept of the references, in alphabetical order: the form in settings and checkpoints."""
        return tuple(name for name in self.known() if getattr(self, name))

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        """How settings read and write it: as a list of names."""
        # Here, because loading it takes a while, and most of what imports this module reads no settings.
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


REPAIRED = Compat()
"""Nothing of the references: every repair is on."""
