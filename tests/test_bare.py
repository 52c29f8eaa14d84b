"""The environment in which .ci/run runs tests: that of a new machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
SHOW = """if True:
    import json, locale, os, pathlib, sys
    from matplotlib import font_manager, get_data_path
    home = pathlib.Path.home()
    held = sorted(path.name for path in home.iterdir())
    fonts = {str(pathlib.Path(font.fname).parent) for font in font_manager.fontManager.ttflist}
    print(json.dumps([dict(os.environ), str(home), held, sorted(fonts) == [f"{get_data_path()}/fonts/ttf"]]))
    sys.exit(7)
"""


def test_only_what_finds_programs_and_packages_stays(tmp_path: Path) -> None:
    settings = {"PIP_INDEX_URL": "a b\nc", "UV_OFFLINE": "1", "no_proxy": "x", "REQUESTS_CA_BUNDLE": "y", "CI": "true"}
    lost = {"LANG": "de_DE.UTF-8", "LC_ALL": "C", "XDG_DATA_HOME": "/", "MPLBACKEND": "none", "PYTHONPATH": "/"}
    (tmp_path / ".config/pip").mkdir(parents=True)
    (tmp_path / ".config/pip/pip.conf").touch()
    (tmp_path / ".cache/uv").mkdir(parents=True)
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), **settings, **lost}
    done = subprocess.run(
        ["bash", str(ROOT / ".ci/bare"), sys.executable, "-c", SHOW],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 7, done.stderr
    variables, home, held, only_carried = json.loads(done.stdout)
    kept = {
        "PATH": environment["PATH"],
        **settings,
        "PIP_CONFIG_FILE": str(tmp_path / ".config/pip/pip.conf"),
        "UV_CACHE_DIR": str(tmp_path / ".cache/uv"),
    }
    added = {"HOME", "FONTCONFIG_FILE", "MPL_IGNORE_SYSTEM_FONTS"}
    # Python itself sets LC_CTYPE if there is no locale.
    assert {name: value for name, value in variables.items() if name not in {*added, "LC_CTYPE"}} == kept
    assert home != str(tmp_path) and not Path(home).exists()  # deleted after the command
    assert "no-fonts.conf" in held and only_carried
