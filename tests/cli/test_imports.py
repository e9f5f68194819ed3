"""The command line starts without what it does not need; counted in modules, not in seconds."""

import subprocess
import sys

import pytest

SCRIPT = """
import sys
from vadkit import cli
sys.argv = ["vadkit", *{arguments}]
try:
    cli.main()
except SystemExit as end:
    assert not end.code, end.code
print("LOADED", *sorted(name for name in sys.modules if "." not in name))
"""


@pytest.mark.parametrize(
    ("arguments", "unwanted"),
    [
        (["--help"], {"torch", "numpy", "pydantic", "cv2", "yaml", "matplotlib"}),
        (["--version"], {"torch", "numpy", "pydantic", "cv2", "yaml", "matplotlib"}),
        (["list-components"], {"torch", "numpy", "cv2", "matplotlib"}),
        (["list-components", "networks"], {"torch", "numpy", "cv2", "matplotlib"}),
        (["list-components", "methods", "future-frame"], {"torch", "numpy", "cv2"}),
    ],
)
def test_start_up_is_light(arguments, unwanted):
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(arguments=arguments)],
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(done.stdout.splitlines()[-1].split()[1:])
    assert "vadkit" in loaded
    assert not loaded & unwanted
