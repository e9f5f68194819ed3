"""Prompts, captions, and captions by a program, from files to an evaluation."""

import gzip
import json
import sys

import cv2
import numpy as np
import pytest

from vadkit.data.captions import read_captions
from vadkit.errors import DataError, RecipeError, TrainingError
from vadkit.workflows.outside.captioner import caption_video, run_captioner
from vadkit.workflows.outside.scores import evaluate_scores
from vadkit.workflows.outside.words import Prompts, read_prompts, score_captions

CAPTIONS = {"v": ["people walk"] * 6 + ["someone on a bike"] * 4}


def test_captions_in_every_form(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps({"v": {"captions": CAPTIONS["v"]}}))
    (tmp_path / "b.json.gz").write_bytes(gzip.compress(json.dumps(CAPTIONS).encode()))
    (tmp_path / "lines").mkdir()
    (tmp_path / "lines" / "v.txt").write_text("\n".join(CAPTIONS["v"]) + "\n")
    for name in ("a.json", "b.json.gz", "lines", "lines/v.txt"):
        assert read_captions([tmp_path / name]) == CAPTIONS
    with pytest.raises(DataError, match="has captions of 'v' a second time"):
        read_captions([tmp_path / "a.json", tmp_path / "b.json.gz"])
    (tmp_path / "b.json.gz").write_bytes(gzip.compress(b"{}")[:-12] + b"\xff" * 12)
    with pytest.raises(DataError, match=r"captions .*b.json.gz cannot be read"):
        read_captions([tmp_path / "b.json.gz"])
    for text, message in (
        ("[1]", "not an object"),
        ('{"v": [1]}', "'v' has no list"),
        ("{", "JSON|Exp"),
    ):
        (tmp_path / "a.json").write_text(text)
        with pytest.raises(DataError, match=message):
            read_captions([tmp_path / "a.json"])


def test_prompts_are_checked(tmp_path):
    path = tmp_path / "p.yaml"
    path.write_text("normal: [people walk]\nabnormal: [a bike]\nhalflife: 12\n")
    assert read_prompts(path).halflife == 12
    for text, message in (
        ("wrong: 3", "wrong: extra inputs"),
        ("words: bike", "words: input should be a valid list"),
        ("words: [", "cannot be read as YAML"),
        ("!!python/object/apply:os.system ['true']", "cannot be read as YAML"),
        ("majority: 0", "majority: input should be greater"),
    ):
        path.write_text(text)
        with pytest.raises(RecipeError, match=message):
            read_prompts(path)
    with pytest.raises(RecipeError, match="the rule needs 'words'"):
        score_captions(Prompts(), CAPTIONS, rule=True)
    with pytest.raises(RecipeError, match="need 'normal' and 'abnormal' sentences"):
        score_captions(Prompts(words=["bike"]), CAPTIONS)


def test_a_rule_from_the_command_line_to_an_auc(vadkit, tmp_path):
    (tmp_path / "c.json").write_text(json.dumps({"test_v": CAPTIONS["v"]}))
    (tmp_path / "p.yaml").write_text("words: [bike]\n")
    (tmp_path / "labels.json").write_text(
        json.dumps(
            {"format": "vadkit-labels-1", "videos": {"v": {"frames": 10, "abnormal": [[6, 10]]}}}
        )
    )
    files = (tmp_path / "p.yaml", tmp_path / "c.json", "--out", tmp_path / "out")
    code, out, err = vadkit("words", "score", *files, "--rule", "--strip", "test_")
    assert code == 0, err
    assert "v 6-9: bike (1.000)" in out
    (alarm,) = json.loads((tmp_path / "out" / "alarms.json").read_text())
    assert alarm["reason"] == "bike" and alarm["caption"] == "someone on a bike"
    found = evaluate_scores(tmp_path / "out" / "scores.npz", tmp_path / "labels.json")
    assert found["raw"]["micro-auc"] == 1
    code, _, err = vadkit("words", "score", tmp_path / "p.yaml", "--out", tmp_path)
    assert code == 2 and "give either files of captions, or --features" in err


def test_stripped_names_that_become_equal_are_an_error(vadkit, tmp_path):
    (tmp_path / "c.json").write_text(json.dumps({"test_v": ["a bike"], "v": ["a dog"]}))
    (tmp_path / "p.yaml").write_text("words: [bike]\n")
    command = ("words", "score", tmp_path / "p.yaml", "--out", tmp_path / "out", "--rule")
    code, _, err = vadkit(*command, tmp_path / "c.json", "--strip", "test_")
    assert code == 2 and not (tmp_path / "out").exists()
    assert "--strip test_: videos 'test_v' and 'v' would both be named 'v'" in err
    code, _, err = vadkit(*command, "--features", tmp_path / "f.npz", "--strip", "test_")
    assert code == 2 and "--strip changes the names of captions" in err


def test_features_of_frames_and_embeddings_from_files(tmp_path):
    prompts = Prompts(normal=["walk"], abnormal=["ride", "fight"])
    np.save(tmp_path / "texts.npy", np.eye(3, dtype=np.float32))
    np.savez(tmp_path / "f.npz", v=np.eye(3)[[0, 1, 1, 2]])
    given = {"texts": tmp_path / "texts.npy", "features": tmp_path / "f.npz"}
    scores, alarms = score_captions(prompts, {}, **given)
    assert scores["v"].tolist() == [-1, 1, 1, 1]
    assert [(one.start, one.stop, one.reason) for one in alarms] == [
        (1, 3, "ride"),
        (3, 4, "fight"),
    ]
    np.savez(tmp_path / "f.npz", v=np.ones((4, 2)))
    with pytest.raises(DataError, match=r"'v': float64 \(4, 2\); expected \(frames, 3\)"):
        score_captions(prompts, {}, **given)


def test_sentences_by_the_package():
    pytest.importorskip("wordllama")
    prompts = Prompts(normal=["people walk on a path"], abnormal=["a person rides a bicycle"])
    scores, alarms = score_captions(prompts, CAPTIONS)
    assert scores["v"][:6].max() < scores["v"][6:].min()
    assert [(one.start, one.stop, one.reason) for one in alarms] == [
        (6, 10, "a person rides a bicycle")
    ]


PROGRAM = (
    "import sys\nfor line in sys.stdin: print('image', len(line.strip()) > 0, line.strip()[-5:])"
)


def test_a_program_captions_frames(tmp_path):
    for frame in range(5):
        cv2.imwrite(str(tmp_path / f"{frame}.jpg"), np.zeros((8, 8, 3), np.uint8))
    command = [sys.executable, "-c", PROGRAM]
    assert caption_video(tmp_path, command)[4] == "image True 4.jpg"
    lines = caption_video(tmp_path, command, every=2)
    assert [line[-5] for line in lines] == ["0", "0", "2", "2", "4"]


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("print('one')", "printed 1 lines for 2 images; it must print one line for each"),
        ("raise SystemExit(3)", "failed with exit code 3"),
        ("import time; time.sleep(60)", "did not end in 1 s"),
    ],
)
def test_a_program_that_fails_is_one_clear_line(tmp_path, program, message):
    with pytest.raises(TrainingError, match=message):
        run_captioner([sys.executable, "-c", program], [tmp_path / "a", tmp_path / "b"], 1)


def test_no_shell_reads_the_command(tmp_path):
    with pytest.raises(TrainingError, match="cannot be started"):
        run_captioner([f"touch {tmp_path / 'x'}; true"], [], 5)
    assert not (tmp_path / "x").exists()
