"""What each workflow of the tests would do first, done once by the server of `tests/warm.py`."""

from __future__ import annotations

import copy
import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import yaml
from snakemake import workflow as snakemake_workflow
from snakemake.common import configfile
from snakemake.sourcecache import LocalSourceFile

from demo.weights.calibration import videos_of
from demo.weights.settings import EncoderConfig
from tests.workflow.workspace import ROOT, TINY, merge
from workflow.study import load_study


def plan_demo() -> None:
    """Plan the small study of tests/workflow: what is drawn and checked for it is kept by our modules.

    The videos on which the demo's encoders are calibrated are drawn, too.
    """
    config = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    load_study(merge(config, TINY), ROOT, TINY)
    videos_of(EncoderConfig.from_dict(config["demo_encoders"]))


def read_rules() -> None:
    """Let Snakemake read our rules and config.yaml, a quarter of the time of a dry run.

    A run takes over what was read of a file, unless the file has changed since.
    """

    def state(path: str) -> tuple[int, int]:
        found = Path(path).stat()
        return found.st_mtime_ns, found.st_size

    parse, load = snakemake_workflow.parse, configfile.load_configfile
    cache = SimpleNamespace(open=lambda file: io.StringIO(Path(file.path).read_text(encoding="utf-8")))
    parsed: dict[str, tuple[tuple[int, int], str, int, dict[int, int]]] = {}
    for path in map(str, (ROOT / "Snakefile", *sorted((ROOT / "workflow/rules").glob("*.smk")))):
        lines: dict[int, int] = {}
        code, count = parse(LocalSourceFile(path), SimpleNamespace(sourcecache=cache), lines)
        parsed[path] = state(path), code, count, lines

    def parse_again(file: Any, run: Any, linemap: dict[int, int], rulecount: int) -> tuple[str, int]:
        path = file.get_path_or_uri(secret_free=True)
        if path not in parsed or parsed[path][0] != state(path):
            return parse(file, run, linemap, rulecount=rulecount)
        _, code, count, lines = parsed[path]
        linemap |= lines
        return code, rulecount + count

    settings = str(ROOT / "config.yaml")
    before, loaded = state(settings), load(settings)

    def load_again(path: Any) -> Any:
        return copy.deepcopy(loaded) if str(path) == settings and state(settings) == before else load(path)

    snakemake_workflow.parse, configfile.load_configfile = parse_again, load_again
