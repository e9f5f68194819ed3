"""A head with a branch for kinds of anomalies: its scores by kind reach the metrics of events."""

from __future__ import annotations

import json

import numpy as np

import vadkit
from vadkit.recipe.resolve import resolve
from vadkit.testing_bags import planted_videos


def test_events_are_measured_by_kind(tmp_path):
    lists, labels = {"train": [], "test": []}, {}
    for number, video in enumerate(planted_videos(32, 16)):
        rows = video.crop(0)
        np.save(tmp_path / f"{video.id}.npy", rows.astype(np.float16))
        event = rows[:, :8].reshape(-1, 2, 4).mean(axis=2).max(axis=1) > 1.6
        (places,) = np.nonzero(event & bool(video.abnormal))
        spans = [[int(places.min()) * 16, int(places.max() + 1) * 16]] if len(places) else []
        split = "train" if number < 24 else "test"
        lists[split].append(f"{video.id}.npy,{video.category or 'normal'}")
        if split == "test":
            labels[video.id] = {"frames": len(video), "abnormal": spans}
    for split, lines in lists.items():
        (tmp_path / f"{split}.list").write_text("\n".join(lines) + "\n")
    (tmp_path / "labels.json").write_text(
        json.dumps({"format": "vadkit-labels-1", "videos": labels})
    )
    texts = np.random.default_rng(0).normal(size=(3, 16)).astype(np.float32)
    np.savez(tmp_path / "texts.npz", normal=texts[0], fall=texts[1], fight=texts[2])
    recipe = resolve(
        {
            "name": "kinds",
            "dataset": {
                "type": "listed",
                "train": str(tmp_path / "train.list"),
                "test": str(tmp_path / "test.list"),
                "labels": str(tmp_path / "labels.json"),
                "fps": 30,
            },
            "features": {"type": "files", "root": str(tmp_path)},
            "method": {"type": "vadclip", "texts": str(tmp_path / "texts.npz")},
            "networks": {"head": {"type": "vadclip", "heads": 1, "layers": 1}},
            "optimizers": {"head": {"type": "adam", "lr": 2e-3}},
            "bags": {"segments": 32, "fit": "average"},
            "train": {"epochs": 4, "batch_size": 12},
            "calibration": None,
        }
    )
    run = vadkit.train(recipe, runs=tmp_path / "runs")
    found = vadkit.evaluate(run)["raw"]
    assert {"event-map@0.5", "event-map", "event-ap[fall]", "event-ap[fight]"} <= set(found)
    assert found["event-map"] > 0
    saved = np.load(run / "scores" / "test" / "024.npz")
    assert saved["part.kind:fall"].shape == saved["scores"].shape
