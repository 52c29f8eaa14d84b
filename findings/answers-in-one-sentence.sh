#!/usr/bin/env bash
# lmms-eval scores an answer 0 on Charades-STA if it names start and end in one sentence, as in its own examples.
#
# Believed: the Charades-STA task of lmms-eval reads the forms of answers that the comments of its scorer give as examples, among them
#   "The start time for this event is 0 seconds, and the end time is 12 seconds." (lmms_eval/tasks/charades_sta/eval_tvg.py).
# Version: lmms-eval==0.7.3 (task temporal_grounding_charades; eval_tvg.py is its scorer for files).
# Seen: only a dash (or "to") between two numbers, or clock times, make a range. Otherwise the first number of each sentence is
#   taken, and sentences are split at "!", "?" and line breaks, not at full stops or commas. So both times in one line leave one number,
#   no moment, and an IoU of 0. The task timelens_charades of the same package reads all of these answers right. The scorer for files
#   does not read its third example, of clock times, either; the task does.
# Output:
#     task  file  timelens   mIoU of an answer that names the labelled moment
#      100   100       100   'The event happens in 24.3 - 30.4 seconds.'
#      100   100       100   'Starting time: 0.8 seconds\nEnding time: 1.1 seconds'
#        0     0       100   'The start time for this event is 0 seconds, and the end time is 12 seconds.'
#      100     0       100   'The event starts at 00:00:18 and ends at 00:00:23.'
#        0     0       100   'It happens between 5 and 10 seconds.'
# Why it matters: a model that finds every moment and says so in whole sentences scores 0 on one leaderboard and 100 on the other, on
#   the same videos. Count answers without a moment before comparing models ("bad predictions" in the log of the task), or ask for
#   "START - END" in the prompt and nothing else.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
# Without its requirements, torch among them: the modules that read answers need none of them.
"$folder/venv/bin/pip" install --quiet --no-deps lmms-eval==0.7.3 loguru==0.7.3 pyyaml==6.0.3
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import importlib.util
import json
import subprocess
import sys
import types
from pathlib import Path

from loguru import logger

logger.remove()
# Importing the package itself would load torch; the task imports one module of it only to write files.
[root] = Path(sys.prefix).glob("lib/*/site-packages/lmms_eval")
for name in ("lmms_eval", "lmms_eval.tasks", "lmms_eval.tasks._task_utils", "lmms_eval.tasks._task_utils.file_utils"):
    sys.modules[name] = types.ModuleType(name)


def load(task: str) -> types.ModuleType:
    spec = importlib.util.spec_from_file_location(task, root / "tasks" / task / "utils.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


charades, timelens = load("charades_sta"), load("timelens")


def score_file(key: str, answer: str) -> float:
    Path("result.json").write_text(json.dumps({key: answer}))
    script = root / "tasks/charades_sta/eval_tvg.py"
    done = subprocess.run([sys.executable, script, "-f", "result.json"], capture_output=True, text=True, check=True)
    return float(done.stdout.split("mIOU")[1])


answers = [
    ((24.3, 30.4), "The event happens in 24.3 - 30.4 seconds.", (100, 100, 100)),
    ((0.8, 1.1), "Starting time: 0.8 seconds\nEnding time: 1.1 seconds", (100, 100, 100)),
    ((0.0, 12.0), "The start time for this event is 0 seconds, and the end time is 12 seconds.", (0, 0, 100)),
    ((18.0, 23.0), "The event starts at 00:00:18 and ends at 00:00:23.", (100, 0, 100)),
    ((5.0, 10.0), "It happens between 5 and 10 seconds.", (0, 0, 100)),
]
changed = False
print("  task  file  timelens   mIoU of an answer that names the labelled moment")
for (start, end), answer, expected in answers:
    flat, nested = f"0A8CF.mp4>>>a door opens>>>[{start}, {end}]", f"0A8CF.mp4>>>a door opens>>>[[{start}, {end}]]"
    task = charades._temporal_grounding_compute_metrics([{flat: answer}])["mIOU"]
    other = timelens._timelens_compute_metrics([{nested: answer}])["mIOU"]
    seen = tuple(round(value) for value in (task, score_file(flat, answer), other))
    print("".join(f"{value:6}" for value in seen[:2]), f"{seen[2]:9}   {answer!r}")
    changed |= seen != expected
sys.exit("the behaviour has changed" if changed else 0)
PYTHON
