"""Bundles of public networks that are known by name, `published:NAME`: fetched, checked, imported and made once.

Everything of one name is kept in `weights/published/NAME/`: the file as published, and the folder `bundle`. The weights
of its encoders are in their own folders beside it, as in the workflow.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from av_highlights.bundle.loading import Bundle, load_bundle, weights_keys
from av_highlights.bundle.making import BundleParts, make_bundle
from cli import UserError
from feature_extractors.fingerprints import fingerprint
from feature_extractors.weights.catalogue import FOLDER, PREFIX, KnownFile, KnownWeights, known_weights

_log = logging.getLogger(__name__)
_QD_DETR = "56c63b2c75c5673dfe693f3ae9438f5fc1f1679a"


@dataclass(frozen=True, kw_only=True)
class KnownBundle:
    """A public network with the encoders whose features it was trained on.

    Attributes:
        checkpoint: where its file is published.
        description: one line about what it was trained on, with published results.
        video_streams, text_stream: our names of the streams that it reads, in order.
        sections: the settings under which its features were made, as in a configuration.
        window_seconds: length of the longest training video.
    """

    checkpoint: KnownWeights
    description: str
    video_streams: tuple[str, ...]
    text_stream: str
    sections: Mapping[str, Mapping[str, Any]]
    window_seconds: float
    audio_streams: tuple[str, ...] = field(default=("pann",))

    @property
    def name(self) -> str:
        """The name after `published:`."""
        return self.checkpoint.name

    @property
    def folder(self) -> Path:
        """The bundle once it is made, relative to the working directory."""
        return FOLDER / self.name / "bundle"


KNOWN = {
    known.name: known
    for known in (
        KnownBundle(
            checkpoint=KnownWeights(
                name="qd-detr-clip",
                encoder="checkpoint",
                licence="MIT",
                source="https://github.com/wjun0830/QD-DETR",
                files=(
                    KnownFile(
                        name="model_best.ckpt",
                        url=f"https://raw.githubusercontent.com/wjun0830/QD-DETR/{_QD_DETR}"
                        "/results/QDDETR_onlyclip/model_best.ckpt",
                        git_blob="6c2d73efb1e8e8816e5fc1c95fa918c00b5bd087",
                    ),
                ),
            ),
            description="QD-DETR (Moon et al., CVPR 2023), pictures alone, trained on QVHighlights with CLIP ViT-B/32; "
            "published on its val split: R1@0.5 60.58, R1@0.7 43.35, mAP 38.66, HL mAP 37.73, HIT@1 61.10",
            video_streams=("clip_visual",),
            text_stream="clip_text",
            # As its `run_on_video` encodes: one frame at the centre of every 2 s (what FFmpeg's filter fps=0.5 keeps),
            # the joint embedding of the picture, the states of all tokens after the final norm. The network itself
            # L2-normalises both, and reads 32 tokens at most.
            sections={
                "clips": {"seconds": 2.0},
                "encoding": {},
                "clip": {"architecture": "ViT-B-32-quickgelu", "weights": f"{PREFIX}clip-vit-b32-openai"},
                "visual": {"output": "projected", "frames_per_clip": 1},
            },
            window_seconds=150.0,
        ),
    )
}
DEFAULT = "qd-detr-clip"
"""The one to use without a name, once it is fetched."""


def open_bundle(given: str | Path, mirror: Path | None = None) -> Bundle:
    """Load a bundle by its folder or as `published:NAME`, with all of its encoders' weights in place.

    Args:
        mirror: a folder that holds published files, directly or in a folder of their name; nothing is downloaded then.

    Raises:
        UserError: as `load_bundle` and `fetch_weights`; or the name is not known.
    """
    if str(given).startswith(PREFIX):
        return fetch_bundle(str(given).removeprefix(PREFIX), mirror)
    bundle = load_bundle(Path(given))
    fetch_weights(bundle, mirror)
    return bundle


def known_bundle(name: str) -> KnownBundle:
    """Look up a public network by name.

    Raises:
        UserError: the name is not known.
    """
    if name not in KNOWN:
        raise UserError(f"no published bundle {name!r} is known (known: {', '.join(KNOWN)})")
    return KNOWN[name]


def is_fetched(name: str) -> bool:
    """Whether the bundle of a public network was made here before."""
    return known_bundle(name).folder.is_dir()


def fetch_bundle(name: str, mirror: Path | None = None) -> Bundle:
    """Fetch a public network and its encoders' weights, and make its bundle; both are kept.

    Raises:
        UserError: the name is not known, or a file cannot be fetched or is not the published one.
    """
    known = known_bundle(name)
    if known.folder.is_dir():
        try:
            bundle = load_bundle(known.folder)
        except UserError as problem:
            _log.warning("%s: made again from the published file", problem)
            shutil.rmtree(known.folder)
        else:
            fetch_weights(bundle, mirror)
            return bundle
    _fetch([known.checkpoint, *(known_weights(name) for name in _published_of(known.sections))], mirror)

    from model.reference.checkpoint import import_checkpoint

    source = FOLDER / name / known.checkpoint.files[0].name
    streams = known.video_streams, known.audio_streams, known.text_stream
    with tempfile.TemporaryDirectory(dir=source.parent) as folder:
        network = Path(folder, f"{name}.pt")
        import_checkpoint(source, network, *streams)
        parts = BundleParts(
            checkpoint=network,
            sections=known.sections,
            where=f"{PREFIX}{name}",
            name=name,
            description=known.description,
            window_seconds=known.window_seconds,
            demo=False,
        )
        return make_bundle(parts, known.folder, weights="named")


def fetch_weights(bundle: Bundle, mirror: Path | None = None) -> None:
    """Fetch the published weights that a bundle names; files that are there already are checked.

    Raises:
        UserError: a file cannot be fetched, or is not the published one.
    """
    _fetch([known_weights(entry.published) for entry in bundle.weights.values() if entry.published], mirror)
    # Of a single file, `load_bundle` compared the digest with the catalogue's.
    for key in weights_keys(bundle.model):
        entry = bundle.weights[key.section]
        if not entry.published or entry.path is None or len(entry.files) < 2:
            continue
        if fingerprint(key.parts(entry.path)) != entry.sha256:
            raise UserError(f"{entry.path}: these are not the weights of the bundle {bundle.folder}")


def _published_of(sections: Mapping[str, Mapping[str, Any]]) -> list[str]:
    given = (str(section.get("weights", "")) for section in sections.values())
    return [weights.removeprefix(PREFIX) for weights in given if weights.startswith(PREFIX)]


def _fetch(published: list[KnownWeights], mirror: Path | None) -> None:
    """Fetch all files, and check those that are there; if one cannot be fetched, the line names the others as well."""
    from feature_extractors.weights.fetch import check_file, fetch_file

    wanted = [(weights, file, FOLDER / weights.name / file.name) for weights in published for file in weights.files]
    for place, (weights, file, target) in enumerate(wanted):
        if target.exists():
            check_file(target, file, "remove it, so that it is fetched again")
            continue
        try:
            fetch_file(weights, file, target.parent, mirror)
        except UserError as problem:
            missing = [one for one in wanted[place + 1 :] if not one[2].exists()]
            others = [
                f"{file.url} as {mirror / one.name / file.name if mirror else path}" for one, file, path in missing
            ]
            raise UserError(f"{problem}{'; also needed: ' if others else ''}{', '.join(others)}") from None
