"""``benchmarks/gpu.py`` runs unattended; here on the CPU, in tiny sizes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "gpu.py"


def run(data, out, *arguments):
    command = [sys.executable, SCRIPT, "--data", data, "--out", out, "--device", "cpu", "--tiny"]
    subprocess.run([*command, *arguments], check=True, capture_output=True, timeout=500)
    return json.loads((out / "results.json").read_text(encoding="utf-8"))


@pytest.mark.slow
@pytest.mark.real_data
def test_training_is_evaluated_and_a_failed_one_costs_nothing_else(real_data, tmp_path):
    found = run(
        real_data / "ped2",
        tmp_path,
        *("--minutes", "6", "--parts", "training", "--train", "conv-ae", "mnad:clip.size=[33,33]"),
    )
    assert found["machine"][0]["device"] == "CPU"
    by_method = {}
    for one in found["training"]:
        by_method.setdefault(one["method"], {}).update(one)
    assert by_method["conv-ae"]["step"] == 2
    assert 0 < by_method["conv-ae"]["raw micro-auc"] < 1
    assert "failed" in by_method["mnad:clip.size=[33,33]"]
    assert "multiples of 8" in (tmp_path / "train-1-mnad.log").read_text(encoding="utf-8")


@pytest.mark.slow
def test_when_time_is_over_the_other_parts_are_noted(tmp_path):
    found = run(tmp_path, tmp_path / "out", "--minutes", "0.001", "--parts", "speed", "training")
    assert all("failed" in one for one in found["speed"])
    assert found["training"] == [{"failed": "TimeoutError('no time is left to train')"}]
