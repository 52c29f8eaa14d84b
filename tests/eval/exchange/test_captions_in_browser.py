"""WebVTT, read by Chromium."""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from eval.exchange.subtitles import write_vtt
from tests.eval.exchange.timelines import EDGES, RATES, SPANS, make_frame_timeline, make_timeline, nearest_frames

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
# A page from disk may not read other files, so it holds the captions itself.
PAGE = """<video id="video"></video><pre id="out">nothing was read</pre><script>
const read = text => new Promise(done => {
  const track = document.createElement("track");
  track.src = URL.createObjectURL(new Blob([text], {type: "text/vtt"}));
  track.onload = () => done(
    [...track.track.cues].map(cue => [cue.startTime, cue.endTime, cue.getCueAsHTML().textContent]));
  video.appendChild(track);
  track.track.mode = "hidden";
});
Promise.all(%s.map(read)).then(cues => { out.textContent = JSON.stringify(cues); });
</script>"""


@pytest.mark.skipif(CHROMIUM is None, reason="needs the program chromium")
def test_a_browser_reads_times_and_queries(tmp_path: Path) -> None:
    timelines = [make_timeline(), *(make_frame_timeline(rate, drop) for rate, drop in RATES)]
    text = json.dumps([write_vtt(timeline) for timeline in timelines]).replace("</", "<\\/")
    page = tmp_path / "page.html"
    page.write_text(f'<!DOCTYPE html><meta charset="utf-8">{PAGE % text}', encoding="utf-8")
    options = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}/profile"]
    # Virtual time: the page is printed when nothing is left to do, or after 10 s of it.
    command = [str(CHROMIUM), *options, "--virtual-time-budget=10000", "--dump-dom", page.as_uri()]
    environment = {**os.environ, "HOME": str(tmp_path)}
    shown = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120, env=environment).stdout
    found = re.search(r'<pre id="out">(.*?)</pre>', shown, re.DOTALL)
    assert found is not None, shown
    cues, *of_rates = json.loads(html.unescape(found[1]))
    assert [(start, end) for start, end, _ in cues] == SPANS
    labels = ['a <b> & "c" -> |x| ; = # \\ é (0.50)', "x (0.50)", "y (0.50)"]
    assert [label for *_, label in cues] == labels
    for (rate, _), shown_cues in zip(RATES, of_rates, strict=True):
        assert nearest_frames([(start, end) for start, end, _ in shown_cues], rate) == EDGES, rate
