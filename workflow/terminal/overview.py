"""What the pages at the end of a run are told of the study: the runs and the query in words, the files to open next."""

from __future__ import annotations

import shlex
from pathlib import Path

from model.audio_control import AudioControl
from workflow.layout import GIVEN
from workflow.study import Study

CONTROLS = {
    "zeroed": "without sound",
    "shuffled": "with another video's sound",
    "noise": "with noise for sound",
    "missing": "without sound",
}
FUSIONS = {
    "none": "no sound",
    "concat": "sound beside the picture",
    "avigate": "gated cross-attention",
    "avigate_custom": "gated fusion",
}
GATINGS = {"global": "", "clipwise": ", gates per clip", "elementwise": ", gates per channel"}


def describe_run(study: Study, run: str) -> str:
    """A few words on a run: its fusion, what its network hears, and settings that only it has."""
    if study.given:
        bundle = study.config["bundle"]
        return f"the network of {bundle}" if bundle else Path(study.config["checkpoint"]).name
    settings = study.settings[run]
    if settings.trained_as != run:
        return f"{settings.trained_as}, {describe_control(settings.inference.control) or 'predicts otherwise'}"
    model = settings.model
    what = FUSIONS[model.fusion] + (GATINGS[model.gating_type] if model.has_gates else "")
    effective = model.effective()
    what += " with FiLM" if effective.get("ffn_gate_film") else ""
    if control := describe_control(settings.train.control):
        what += f", trained {control}"
    patch = study.config["runs"][run]
    own = {key: value for key, value in patch.get("model", {}).items() if key in effective} | patch.get("train", {})
    numbers = {key: value for key, value in own.items() if type(value) in (int, float)}
    told = [f"{key} {value:g}" if isinstance(value, float) else f"{key} {value}" for key, value in numbers.items()]
    return ", ".join([what, *told])


def describe_control(control: AudioControl) -> str:
    """A few words on an audio control, such as "with another video's sound in 25 % of videos"; empty for none."""
    if control.kind == "original":
        return ""
    late = f"with the sound {abs(control.seconds):g} s {'late' if control.seconds > 0 else 'early'}"
    of = "clips" if control.kind == "missing" else "videos"
    return CONTROLS.get(control.kind, late) + (f" in {100 * control.share:g} % of {of}" if control.share < 1 else "")


def find_reference(study: Study) -> str:
    """The run that the others are compared with: the first one that hears nothing, else the main run."""
    deaf = [run for run in study.runs if study.settings[run].model.fusion == "none"]
    return [*deaf, study.main_run][0] if len(study.runs) > 1 else ""


def overview_options(study: Study) -> str:
    """Options of `eval overview` that follow from the configuration, quoted."""
    options = ["--dataset", study.name, "--split", study.told_split]
    for run in study.runs:
        options += ["--run", run, describe_run(study, run)]
    if not study.given:
        options += ["--epoch", study.inference.checkpoint]
    if study.warning:
        options += ["--warning", study.warning]
    if reference := find_reference(study):
        options += ["--against", reference]
    if not study.inference.round_to_clips:
        options.append("--any-time")
    if study.told_gates:
        options += ["--gates-of", describe_run(study, GIVEN) if study.given else study.told_gates]
    for file, what in _files(study):
        options += ["--see", file, what]
    return shlex.join(options)


def describe_example(study: Study) -> str:
    """A line on the query that is drawn: its video, the network, and the rule by which it was chosen."""
    assert study.example is not None
    who = describe_run(study, GIVEN) if study.given else f"run {study.told_run}, seed {study.seeds[0]}"
    kind = {"audio": " that is about sound alone", "joint": " that is about sound and picture"}
    rule = f"the first query of {study.told_split}{kind.get(study.example.get('modality', ''), '')}"
    about = f"video {study.example['vid']} · {who} · {rule}"
    # The half of the warning that fits the line.
    return f"{about} · WARNING: {study.warning.rpartition(': ')[2]}" if study.warning else about


def _files(study: Study) -> list[tuple[str, str]]:
    name = study.name
    files = []
    if study.example:
        files.append((f"plots/{name}/example.png", "one query on one time axis: frames, sound, gates, scores, moments"))
    files.append(("reports/explorer/index.html", "every query with its video, moments, scores and gates, in a browser"))
    if study.given:
        files.append((f"results/{name}/ranked.md", "the moments of every query, with links to their curves"))
    if study.main_run in study.logged_runs:
        whose = "the gates" if study.given else f"the gates of {study.main_run}"
        files.append((f"plots/gates_{study.told_split}.png", f"{whose}, over all videos"))
    if not study.given or "val" in study.scored:
        files.append((f"results/{name}/summary.md", "all scores, with intervals over the queries"))
    return files
