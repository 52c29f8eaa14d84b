"""`--config` of the extractors: the file of a whole study gives the settings that the workflow passes on as JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from cli import UserError, canonical_json
from feature_extractors.commands import import_released
from feature_extractors.commands.encode import read_stage
from feature_extractors.commands.manifest import ManifestStage
from feature_extractors.encoders.registry import STREAMS
from tests.workflow.workspace import ROOT, merge
from workflow.configuration import check

SCHEMA = ROOT / "workflow/schemas/config.schema.yaml"


def study(**changes: Any) -> dict[str, Any]:
    config: dict[str, Any] = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    return merge(config, changes)


@pytest.mark.parametrize("stream", STREAMS)
def test_a_stream_finds_its_keys_in_a_study(tmp_path: Path, stream: str) -> None:
    """Keys of a shared section that only another stream reads, or only the workflow (`weights`), are left out."""
    config = study(encoding={"dtype": "float16"}, clips={"seconds": 2.0})
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(config))
    found = read_stage(str(tmp_path / "study.yaml"), STREAMS[stream])
    passed = canonical_json(STREAMS[stream].settings(check(config, SCHEMA)))
    assert found == read_stage(passed, STREAMS[stream])
    assert found.to_dict()["encoding"]["dtype"] == "float16"


def test_an_unknown_key_of_a_stream_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(study(clip={"architecure": "x"})))
    with pytest.raises(UserError, match=r"study\.yaml: unknown key .*architecure"):
        read_stage(str(tmp_path / "study.yaml"), STREAMS["clip_visual"])


def test_an_import_finds_its_stream_in_a_study(tmp_path: Path) -> None:
    imported = {"pann": {"layout": "umt", "folders": ["a"]}, "i3d": {"layout": "tvsum_i3d", "folders": ["b"]}}
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(study(imported=imported)))
    found = import_released.read_stage(str(tmp_path / "study.yaml"), "i3d")
    assert found.imported.layout == "tvsum_i3d" and found.imported.folders == ("b",)
    with pytest.raises(UserError, match=r"study\.yaml: imported has no stream 'clap' \(it has: i3d, pann\)"):
        import_released.read_stage(str(tmp_path / "study.yaml"), "clap")
    # A file for the command alone has the section of one stream.
    (tmp_path / "one.yaml").write_text(yaml.safe_dump({"imported": imported["pann"]}))
    assert import_released.read_stage(str(tmp_path / "one.yaml"), "x").imported.layout == "umt"


def test_the_clip_grid_of_a_study(tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(study(clips={"seconds": 1.5})))
    assert ManifestStage.from_json(str(tmp_path / "study.yaml")).clips.seconds == 1.5
