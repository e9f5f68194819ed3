"""Memory stays flat however long cameras run: the benchmark's soak, cut short."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SOAK = Path(__file__).parents[2] / "benchmarks" / "soak.py"


@pytest.mark.slow
def test_memory_is_flat_over_many_frames():
    command = [sys.executable, str(SOAK), "--frames", "4000"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    assert found["scored"]["even"] == 4000
    # All frames are accounted for, but for those that wait or are not told yet when it ends.
    missing = found["given"]["wild"] - found["scored"]["wild"] - found["dropped"]
    assert found["dropped"] > 100
    assert 0 <= missing < found["given"]["wild"] / 4
    # A leak of one small frame a frame would be 50 MiB.
    assert found["growth_mib"] < 2
