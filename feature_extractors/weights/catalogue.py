"""Published weights that are known by name: where they come from, their size, checksums and licence.

A configuration names them `published:NAME`; they are then kept in `weights/published/NAME/`. Torch-free: the workflow
reads this table before the first job. The addresses of OpenAI's CLIP are those of open_clip's own table (a test checks
this). The other checksums come from public records that agree with one another, not from a download made here.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cli import UserError

PREFIX = "published:"
FOLDER = Path("weights/published")
"""The workflow's folder for them, relative to the working directory."""


@dataclass(frozen=True, kw_only=True)
class KnownFile:
    """One file of published weights.

    Attributes:
        url: where it is published.
        size: bytes; 0 if no public record gives it.
        sha256: hexadecimal; empty if no public record gives it, and then `git_blob` is known.
        md5: hexadecimal, if the publisher gives one.
        git_blob: id of the file in its publisher's git repository, which is a digest of its size and content.
    """

    name: str
    url: str
    sha256: str = ""
    size: int = 0
    md5: str = ""
    git_blob: str = ""

    @property
    def digest(self) -> str:
        """The best digest that is known, with its name, for logs."""
        return f"sha256 {self.sha256}" if self.sha256 else f"git blob {self.git_blob}"


@dataclass(frozen=True, kw_only=True)
class KnownWeights:
    """Published weights of one encoder, or of a network.

    Attributes:
        encoder: the configuration section that uses them: clip, pann or clap; checkpoint for a network.
        source: the publisher's page.
        model: for CLIP, open_clip's architecture and tag.
    """

    name: str
    encoder: str
    licence: str
    source: str
    files: tuple[KnownFile, ...]
    model: tuple[str, str] | None = None

    def file(self, name: str) -> KnownFile:
        """One of the files.

        Raises:
            UserError: no file has this name.
        """
        for file in self.files:
            if file.name == name:
                return file
        raise UserError(f"{self.name}: no file {name!r} (it has: {', '.join(file.name for file in self.files)})")


_OPENAI = "https://openaipublic.azureedge.net/clip/models"
_CLAP = "https://huggingface.co/laion/clap-htsat-unfused/resolve/8fa0f1c6d0433df6e97c127f64b2a1d6c0dcda8a"


def _openai_clip(name: str, architecture: str, file: str, sha256: str) -> KnownWeights:
    return KnownWeights(
        name=name,
        encoder="clip",
        licence="MIT",
        source="https://github.com/openai/CLIP",
        files=(KnownFile(name=file, url=f"{_OPENAI}/{sha256}/{file}", sha256=sha256),),
        model=(architecture, "openai"),
    )


KNOWN = {
    weights.name: weights
    for weights in (
        _openai_clip(
            "clip-vit-b32-openai",
            "ViT-B-32-quickgelu",
            "ViT-B-32.pt",
            "40d365715913c9da98579312b702a82c18be219cc2a73407c4526f58eba950af",
        ),
        _openai_clip(
            "clip-vit-l14-openai",
            "ViT-L-14-quickgelu",
            "ViT-L-14.pt",
            "b8cca3fd41ae0c99ba7e8951adf17d267cdb84cd88be6f7c2e0eca1737a03836",
        ),
        KnownWeights(
            name="pann-cnn14",
            encoder="pann",
            licence="CC BY 4.0",
            source="https://zenodo.org/records/3987831",
            files=(
                KnownFile(
                    name="Cnn14_mAP=0.431.pth",
                    url="https://zenodo.org/records/3987831/files/Cnn14_mAP%3D0.431.pth?download=1",
                    sha256="0dc499e40e9761ef5ea061ffc77697697f277f6a960894903df3ada000e34b31",
                    size=327_428_481,
                    md5="541141fa2ee191a88f24a3219fff024e",
                ),
            ),
        ),
        KnownWeights(
            name="clap-htsat-unfused",
            encoder="clap",
            licence="Apache-2.0",
            source="https://huggingface.co/laion/clap-htsat-unfused",
            files=(
                KnownFile(
                    name="config.json",
                    url=f"{_CLAP}/config.json",
                    sha256="9efb9557bc804f2ca6e394486af2e45dfed0b18554909735a99c6220b84e4288",
                    size=5_390,
                ),
                KnownFile(
                    name="preprocessor_config.json",
                    url=f"{_CLAP}/preprocessor_config.json",
                    sha256="9739f58296aa6f9ac18008fd0150fb2649bc554985fbde86d0a4041c882ac753",
                    size=541,
                ),
                # This revision has no safetensors file.
                KnownFile(
                    name="pytorch_model.bin",
                    url=f"{_CLAP}/pytorch_model.bin",
                    sha256="1cd3c601bc4afe0fa87be3de4c13dd2cfadd249fac1e29acf74a9b296c3219bb",
                    size=614_525_833,
                ),
            ),
        ),
    )
}


def known_weights(name: str) -> KnownWeights:
    """Look up published weights by name.

    Raises:
        UserError: the name is not known.
    """
    if name not in KNOWN:
        raise UserError(f"no published weights {name!r} are known (known: {', '.join(KNOWN)})")
    return KNOWN[name]


def published_files(weights: str, section: str) -> list[Path] | None:
    """The files of a configured `weights` value if it is `published:NAME`; None for anything else.

    Raises:
        UserError: the name is not known, or its weights are not for the encoder of the configuration section.
    """
    if not weights.startswith(PREFIX):
        return None
    known = known_weights(weights.removeprefix(PREFIX))
    if known.encoder != section:
        raise UserError(f"{section}.weights: {known.name} is for {known.encoder}")
    return [FOLDER / known.name / file.name for file in known.files]
