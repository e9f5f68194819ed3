"""What vadkit does on a GPU, unattended and in a limited time: agreement, speed, and training.

    python benchmarks/gpu.py --data ped2 --out results --minutes 9

1. Scores on the GPU agree with those on the CPU; captured steps with plain ones.
2. `vadkit bench` of the recipes below.
3. The rest of the time trains recipes side by side and evaluates them.

``results.json`` is written again after every part, so that nothing is lost when time runs out. A
machine without vadkit's packages needs ``--wheels FOLDER``; they are installed beside the results.
``--device cpu --tiny`` tries the script itself.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

_HOUSE = Path(__file__).resolve().parent.parent
_FAST = ["train.deterministic=false", "train.compile=true"]
# Method and overrides of each row of the speed table.
_SPEED = [
    ("mnad", ["train.batch_size=4", *_FAST]),
    ("future-frame", ["train.batch_size=4", *_FAST]),
    ("future-frame", ["train.batch_size=32", "train.deterministic=false"]),
    ("memae", ["train.batch_size=10", "train.deterministic=false"]),
    ("conv-ae", ["train.batch_size=16", "train.deterministic=false"]),
    ("aed-mae", ["train.batch_size=100", "train.deterministic=false"]),
]
_AGREE = ["conv-ae", "conv-lstm-ae", "stae", "memae", "ganomaly", "mnad", "future-frame", "amc",
          "anopcn"]  # fmt: skip
_TRAIN = ["future-frame", "mnad", "memae", "conv-ae"]
# Scores of one clip on two devices in float32, relative: sums are in another order.
_SCORE_TOLERANCE = 1e-3
# The share of the remaining time that the speed table may take.
_SPEED_SHARE = 0.45
# Seconds that are kept free for the evaluations.
_TO_EVALUATE = 60
_TINY = ["clip.size=[32,32]", "train.epochs=1", "train.max_steps=2"]


def main() -> None:
    """Run all parts."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="the folder of UCSD Ped2")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=9.0)
    parser.add_argument("--wheels", type=Path, help="packages to install first, offline")
    parser.add_argument("--device", default="cuda")
    parser.add_argument(
        "--train", nargs="*", default=_TRAIN, metavar="METHOD[:KEY=VALUE...]", help="side by side"
    )
    parts = ["agreement", "speed", "training"]
    parser.add_argument("--parts", nargs="*", default=parts, choices=parts)
    parser.add_argument("--tiny", action="store_true", help="tiny sizes, to try the script")
    options = parser.parse_args()
    Check(options).run()


class Check:
    """One run of the script, and what it has found so far."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.ends = time.monotonic() + 60 * options.minutes
        self.out: Path = options.out
        self.out.mkdir(parents=True, exist_ok=True)
        self.found: dict[str, Any] = {}
        self.data = [f"dataset.root={options.data.resolve()}", f"train.device={options.device}"]
        os.environ.setdefault("VADKIT_CACHE", str(self.out.resolve() / "cache"))

    def run(self) -> None:
        """Run the parts in order; a part that fails is noted and the next one runs."""
        if self.options.wheels is not None:
            self._install()
        sys.path.insert(0, str(_HOUSE))
        self._part("machine", self._machine)
        for name in self.options.parts:
            self._part(name, getattr(self, f"_{name}"))

    def left(self) -> float:
        """Return the seconds that are left."""
        return self.ends - time.monotonic()

    def _part(self, name: str, part: Callable[[], None]) -> None:
        try:
            part()
        except Exception as error:
            traceback.print_exc()
            self.note(name, {"failed": repr(error)})

    def note(self, part: str, value: Any) -> None:
        """Add a result, print it, and write all of them."""
        found = self.found.setdefault(part, [])
        found.append(value)
        print(f"[{self.left():4.0f} s left] {part}: {json.dumps(value)[:900]}", flush=True)
        text = json.dumps(self.found, indent=1)
        (self.out / "results.json").write_text(text, encoding="utf-8")

    def _install(self) -> None:
        site = self.out.resolve() / "site"
        wheels = [str(path) for path in sorted(self.options.wheels.glob("*.whl"))]
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps"]
        subprocess.run([*pip, "--target", str(site), *wheels], check=True)
        sys.path.insert(0, str(site))

    def _environment(self) -> dict[str, str]:
        return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}

    def _machine(self) -> None:
        import torch

        cuda = self.options.device == "cuda"
        name = torch.cuda.get_device_name() if cuda else "CPU"
        self.note("machine", {"device": name, "torch": torch.__version__, "cores": os.cpu_count()})

    # 1. Agreement.

    def _agreement(self) -> None:
        for method in _AGREE:
            try:
                self.note("agreement", {"method": method, **self._agree(method)})
            except Exception as error:
                self.note("agreement", {"method": method, "failed": repr(error)[:300]})

    def _agree(self, name: str) -> dict[str, Any]:
        import torch

        from vadkit.device import pick_device

        device = pick_device(self.options.device)
        method, _ = self._built(name, device, captured=False)
        own, _ = self._built(name, pick_device("cpu"), captured=False)
        clips = random_clips(method.clip, 2, 0)
        scores = []
        for one, dtype in ((own, torch.float32), (method, torch.float32), (method, torch.bfloat16)):
            one.eval()
            where = next(one.parameters()).device
            with torch.autocast(where.type, dtype=dtype, enabled=dtype == torch.bfloat16):
                scores.append(one.score(clips_on(clips, where)).frames.double().cpu())
        scale = scores[0].abs().clamp_min(1e-6)
        apart = [float(((other - scores[0]).abs() / scale).max()) for other in scores[1:]]
        result = {
            "scores_fp32": apart[0],
            "agrees": apart[0] <= _SCORE_TOLERANCE,
            "scores_bf16": apart[1],
        }
        if device.type != "cuda":
            return result
        # The order of sums within kernels varies, so two plain runs differ, too.
        runs = [self._trained(name, device, captured) for captured in (False, False, True)]
        result["plain_apart"] = weights_apart(runs[0][0], runs[1][0])
        result["captured_apart"] = weights_apart(runs[0][0], runs[2][0])
        result["not_captured"] = runs[2][1]
        return result

    def _built(self, name: str, device: Any, *, captured: bool) -> tuple[Any, Any]:
        import torch

        from vadkit.engine.captured import CapturedStep
        from vadkit.engine.step import TrainStep
        from vadkit.recipe import find_recipe, load_recipe
        from vadkit.workflows.build import build_method, build_optimizers, seed_everything

        tiny = _TINY if self.options.tiny else []
        recipe = load_recipe(find_recipe(self._recipe(name)), [*self.data, *tiny])
        seed_everything(0)
        method = build_method(recipe, device)
        step: Any = TrainStep(
            method, build_optimizers(recipe, method), device=device, dtype=torch.float32
        )
        if captured:
            step = CapturedStep(step)
        else:
            for optimizer in step.optimizers.values():
                for group in optimizer.param_groups:
                    group["fused"], group["foreach"] = device.type == "cuda", False
        return method, step

    def _trained(self, name: str, device: Any, captured: bool) -> tuple[Any, str | None]:
        method, step = self._built(name, device, captured=captured)
        method.train()
        for number in range(8):
            step.set_rates({})
            step(clips_on(random_clips(method.clip, 2, number), device))
        return method.state_dict(), getattr(step, "reason", None)

    # 2. Speed.

    def _speed(self) -> None:
        ends = self.left() * (1 - _SPEED_SHARE)
        for method, overrides in _SPEED:
            if self.options.tiny:
                overrides = overrides[:1]
            command = ["bench", self._recipe(method), "--json", "--seconds"]
            command += ["0.1" if self.options.tiny else "1.5", *self._sets(overrides)]
            try:
                result = self._vadkit(command, seconds=self.left() - ends)
            except (subprocess.SubprocessError, ValueError) as error:
                self.note("speed", {"method": method, "with": overrides, "failed": repr(error)})
                continue
            figures = {one["name"]: one["value"] for one in json.loads(result)["figures"]}
            self.note("speed", {"method": method, "with": overrides, **figures})

    def _recipe(self, method: str) -> str:
        return f"ped2/{method}-small" if self.options.tiny else f"ped2/{method}"

    def _sets(self, overrides: list[str]) -> list[str]:
        size = _TINY if self.options.tiny else ["data.store=device", "data.workers=8"]
        return [part for one in [*self.data, *size, *overrides] for part in ("--set", one)]

    def _vadkit(self, arguments: list[str], seconds: float) -> str:
        command = [sys.executable, "-m", "vadkit", *arguments]
        done = subprocess.run(
            command,
            cwd=_HOUSE,
            env=self._environment(),
            stdout=subprocess.PIPE,
            text=True,
            timeout=max(1, seconds),
            check=True,
        )
        return done.stdout

    # 3. Training.

    def _training(self) -> None:
        minutes = (self.left() - _TO_EVALUATE) / 60
        if minutes <= 0:
            raise TimeoutError("no time is left to train")
        running = {}
        for place, name in enumerate(self.options.train):
            method, *overrides = name.split(":")
            settings = [f"train.minutes={minutes:.3f}", "train.deterministic=false", *overrides]
            command = [sys.executable, "-m", "vadkit", "train", self._recipe(method), "--json"]
            command += ["--runs", str(self.out.resolve() / f"runs{place}")]
            running[name] = subprocess.Popen(
                [*command, *self._sets(settings)],
                cwd=_HOUSE,
                env=self._environment(),
                stdout=subprocess.PIPE,
                stderr=(self.out / f"train-{place}-{method}.log").open("w"),
                text=True,
            )
        try:
            with ThreadPoolExecutor(len(running)) as pool:
                list(pool.map(self._evaluate, running, running.values()))
        finally:
            for process in running.values():
                process.kill()

    def _evaluate(self, name: str, training: subprocess.Popen[str]) -> None:
        try:
            output, _ = training.communicate(timeout=max(1, self.left()))
            run = Path(json.loads(output)["run"])
            manifest = json.loads((run / "manifest.json").read_text(encoding="utf-8"))
            kept = {key: manifest.get(key) for key in ("epochs", "step", "seconds")}
            self.note("training", {"method": name, **kept})
            found = self._vadkit(["eval", str(run), "--json"], seconds=self.left())
            auc = {
                f"{one['protocol_name']} {one['name']}": round(one["value"], 4)
                for one in json.loads(found)["metrics"]
                if one["name"] in ("micro-auc", "macro-auc", "ap") and one["value"] is not None
            }
            self.note("training", {"method": name, **auc})
        except Exception as error:
            # The others go on.
            self.note("training", {"method": name, "failed": repr(error)})


def random_clips(spec: Any, count: int, seed: int) -> Any:
    """Return clips of noise, with the flow that the spec asks for."""
    import torch

    from vadkit.data.tensors import Clips

    generator = torch.Generator().manual_seed(seed)
    low, high = spec.range
    shape = (count, spec.planes, spec.frames, *spec.size)
    frames = torch.rand(shape, generator=generator) * (high - low) + low
    flow = None
    if spec.flow:
        flow = torch.randn((count, 2, len(spec.flow), *spec.size), generator=generator)
    return Clips(frames, flow)


def clips_on(clips: Any, device: Any) -> Any:
    """Return clips on a device."""
    from vadkit.data.tensors import Clips

    flow = None if clips.flow is None else clips.flow.to(device)
    return Clips(clips.frames.to(device), flow)


def weights_apart(one: dict[str, Any], other: dict[str, Any]) -> float:
    """Return the largest difference of weights."""
    return max(float((one[name].double() - other[name].double()).abs().max()) for name in one)


if __name__ == "__main__":
    main()
