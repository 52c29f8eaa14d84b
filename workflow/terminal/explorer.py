"""What the explorer is told of the study: patterns of the runs' files, names of runs, further files, as options."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from workflow import layout
from workflow.paths import Paths
from workflow.study import Study
from workflow.terminal.overview import describe_run


@dataclass(frozen=True)
class Explored:
    """The files of the explorer, for the split that the overview is about."""

    study: Study
    paths: Paths

    @property
    def videos(self) -> list[str]:
        """Media files of the split's videos."""
        study = self.study
        vids = dict.fromkeys(row["vid"] for row in study.data.rows_of(study.config, study.told_split))
        return [str(study.data.files[vid]) for vid in vids if vid in study.data.files]

    @property
    def manifests(self) -> list[str]:
        """Video tables of all shards."""
        return [f"manifests/{self.study.name}/{shard}.jsonl" for shard in self.study.data.shards]

    @property
    def predictions(self) -> str:
        """Pattern of the predictions of every run, scope and seed."""
        study = self.study
        if study.given:
            return self._place(f"{self.paths.predictions_of_given}/{study.told_split}.jsonl")
        return self._place(f"{layout.RUN}/predictions_{study.told_split}.jsonl")

    @property
    def gates(self) -> str:
        """Pattern of the gate logs; empty if there are none, or a single file that does not say whose it is."""
        study = self.study
        if not study.logged_runs or study.inference.gate_file:
            return ""
        return self._place(self.paths.gate_log.replace("{split}", study.told_split))

    @property
    def values(self) -> str:
        """Pattern of the scores per query; empty with TVSum's scores, or without labels."""
        study = self.study
        if study.rates_clips or study.told_split not in study.scored:
            return ""
        return self._place(f"{layout.RESULTS}/queries_{study.told_split}.json")

    @property
    def history(self) -> str:
        """Pattern of the histories; empty with a given checkpoint."""
        return "" if self.study.given else self._place(f"{layout.RUN}/history.jsonl")

    @property
    def summary(self) -> list[str]:
        """The table of runs, if there is one."""
        return [f"results/{self.study.name}/summary.json"] if "val" in self.study.scored else []

    @property
    def domains(self) -> list[str]:
        """TVSum's table of domains, if there is one."""
        return [f"results/{self.study.name}/tvsum.json"] if self.study.rates_clips and self.summary else []

    @property
    def figures(self) -> dict[str, str]:
        """Pictures for the page of the study, with their captions."""
        study = self.study
        if study.main_run not in study.logged_runs:
            return {}
        whose = "the gates" if study.given else f"the gates of {study.main_run}"
        return {f"plots/gates_{study.told_split}.png": f"{whose}, over all videos"}

    @property
    def stores(self) -> list[str]:
        """Stores of the audio streams, for the level of the sound where no gate log has it."""
        study = self.study
        if self.gates:
            return []
        audio = {stream for run in study.runs for stream in study.model_of(run).audio_streams}
        heard = [stream for stream in study.streams if stream in audio]
        return [f"features/{study.name}/{stream}/{shard}.h5" for stream in heard for shard in study.data.shards]

    @property
    def files(self) -> list[str]:
        """All files of the patterns that the study makes."""
        study = self.study
        found: dict[str, None] = {}
        for run in study.runs:
            parts = [self.predictions, self.values, self.gates if run in study.logged_runs else ""]
            if study.settings[run].trained_as == run:
                parts.append(self.history)
            for pattern in filter(None, parts):
                for seed in study.seeds:
                    for scope in study.scopes:
                        name = pattern.replace("{run}", run).replace("{seed}", str(seed)).replace("{scope}", scope)
                        found[name] = None
        return list(found)

    @property
    def options(self) -> str:
        """Options of `eval explore` that follow from the configuration, quoted."""
        study = self.study
        options = ["--dataset", study.name, "--split", study.told_split]
        for option, pattern in (
            ("--predictions", self.predictions),
            ("--gates", self.gates),
            ("--per-query", self.values),
            ("--history", self.history),
        ):
            if pattern:
                options += [option, pattern]
        options += ["--seeds", *map(str, study.seeds), "--scopes", *study.scopes]
        for run in study.runs:
            options += ["--run", run, describe_run(study, run)]
        if study.data.files:
            options += ["--videos", study.dataset.videos]
        for file, caption in self.figures.items():
            options += ["--figure", file, caption]
        if study.warning:
            options += ["--warning", study.warning]
        return shlex.join(options)

    def _place(self, pattern: str) -> str:
        """A pattern of the workflow, with the dataset's name filled in."""
        return pattern.replace("{dataset}", self.study.name)
