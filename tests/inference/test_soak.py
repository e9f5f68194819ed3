"""Memory stays flat however long cameras run: the benchmark's soak, cut short."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SOAK = Path(__file__).parents[2] / "benchmarks" / "soak.py"


@pytest.mark.slow
def test_memory_is_flat_over_many_frames():
    command = [sys.executable, str(SOAK), "--frames", "10000"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    assert found["frames"]["even"] == 10000
    assert found["frames"]["wild"] + found["dropped"] == 10000
    assert found["dropped"] > 100
    # A leak of one small frame a frame would be 50 MiB.
    assert found["growth_mib"] < 2
