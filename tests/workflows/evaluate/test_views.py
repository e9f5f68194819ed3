"""An evaluation as text, as HTML, as a DataFrame, and as a mapping."""

from __future__ import annotations

import html.parser
import math
import sys

import pytest

import vadkit
from vadkit.evaluation.metrics import Metric
from vadkit.evaluation.protocol import Protocol
from vadkit.workflows.evaluate.evaluation import Evaluation
from vadkit.workflows.evaluate.maps import MapResults
from vadkit.workflows.evaluate.protocols import Result
from vadkit.workflows.run_status import RunStatus

EVIL = "<script>alert('x')</script>\x1b[31m"


def result(name="raw", note="") -> Result:
    protocol = Protocol(name=name, note=note)
    metrics = [
        Metric("micro-auc", 0.75, name, 0.5, 1.0),
        Metric("padded-macro-auc", 0.9, name),
        Metric("eer", math.nan, name),
        Metric("auc", 0.25, name, category=EVIL),
        Metric("tpr", 0.5, name, rate=10),
    ]
    return Result(protocol, metrics)


def evaluation(*results: Result, run="runs/a", **more) -> Evaluation:
    return Evaluation(run, "last", 1200, "labels", [], list(results), **more)


def test_metrics_by_protocol_and_name():
    found = evaluation(result(), result("online"))
    assert found["raw"]["micro-auc"] == 0.75
    assert found["online"]["tpr@10/h"] == 0.5
    assert list(found) == ["raw", "online"] and len(found) == 2 and "raw" in found
    assert dict(found["raw"])["micro-auc"] == 0.75 and len(found["raw"]) == 5
    assert found.get("other") is None


@pytest.mark.parametrize("name", ["rwa", "raw ", "Raw"])
def test_a_wrong_protocol_names_the_nearest(name):
    with pytest.raises(KeyError, match="did you mean 'raw'"):
        evaluation(result())[name]


def test_a_wrong_name_lists_the_known_ones():
    with pytest.raises(KeyError, match="no protocol 3; known: raw"):
        evaluation(result())[3]  # type: ignore[index]
    with pytest.raises(KeyError, match=r"no metric 'micro_auc' in protocol 'raw'.*'micro-auc'"):
        result()["micro_auc"]
    with pytest.raises(KeyError) as caught:
        evaluation(result())["x" * 100_000]
    assert len(str(caught.value)) < 300


def test_text_is_short():
    found = evaluation(result(), result("online"))
    lines = repr(found).splitlines()
    assert lines[0] == "Evaluation of runs/a, checkpoint last, step 1,200"
    assert lines[1].split() == ["micro-auc", "eer"]
    assert lines[2].split() == ["raw", "0.7500", "undefined"]
    assert len(lines) == 4 and max(map(len, lines)) <= 80
    assert len(repr(result()).splitlines()) == 3


def test_the_padded_auc_shows_where_a_protocol_reports_it():
    protocol = Protocol(name="padded", averaging="padded-macro")
    found = evaluation(Result(protocol, result().metrics))
    assert "padded-macro-auc" in repr(found) and "padded-macro-auc" not in repr(result())


def test_an_unfinished_run_says_so():
    found = evaluation(result(), status=RunStatus("interrupted", 1, 7))
    assert "is not done" in repr(found) and "is not done" in found._repr_html_()


def test_other_metrics_show_without_protocols():
    found = evaluation(maps=MapResults([Metric("rbdc", 0.5, "maps")]))
    assert "rbdc 0.5000" in repr(found) and "rbdc 0.5000" in found._repr_html_()
    assert "nothing" not in repr(evaluation())


def test_html_is_a_table_and_escapes_every_name():
    found = evaluation(
        result(EVIL, note=f'" onmouseover="{EVIL}'),
        run=f"runs/{EVIL}",
        maps=MapResults([Metric(f"auc{EVIL}", 0.5, "maps")]),
        notes=[EVIL],
    )
    text = found._repr_html_()
    tags, attributes = [], []

    class Reader(html.parser.HTMLParser):
        def handle_starttag(self, tag, attrs):
            tags.append(tag)
            attributes.extend(name for name, _ in attrs)

    Reader().feed(text)
    assert set(tags) == {"p", "table", "tr", "th", "td", "small"}
    assert set(attributes) == {"title"}
    assert "\x1b" not in text and "\x1b" not in repr(found)
    assert "0.7500 <small>[0.500, 1.000]</small>" in text


def test_a_data_frame_has_a_row_per_metric():
    pandas = pytest.importorskip("pandas")
    frame = evaluation(result(), result("online")).frame()
    assert isinstance(frame, pandas.DataFrame) and len(frame) == 10
    row = frame[(frame.protocol == "online") & (frame.metric == "micro-auc")].iloc[0]
    assert (row.value, row.low, row.high) == (0.75, 0.5, 1.0)
    assert frame[frame.measure == "tpr"].rate.tolist() == [10, 10]
    assert frame[frame.metric == "eer"][["value", "low"]].isna().all().all()
    assert frame.pivot(index="protocol", columns="metric", values="value").shape == (2, 5)
    assert list(evaluation().frame().columns) == list(frame.columns)


def test_without_pandas_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(vadkit.VadkitError, match="pip install pandas"):
        evaluation(result()).frame()


def test_real_objects_print_in_a_few_lines(evaluated_run):
    video = next(evaluated_run.parents[2].rglob("testing/01.mp4"))
    detector = vadkit.Detector.load(evaluated_run)
    shown = [
        detector,
        detector.score(video),
        next(iter(detector.stream(video))),
        detector.calibration,
        vadkit.load_recipe("quickstart"),
    ]
    for one in shown:
        assert len(repr(one)) < 250 and "\n" not in repr(one), repr(one)
    assert "threshold" in repr(detector) and "48x64" in repr(detector)
    assert len(repr(vadkit.evaluate(evaluated_run))) < 700
