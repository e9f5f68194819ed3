"""Figures of made clips against untouched video."""

import numpy as np
import pytest

from vadkit.errors import DataError
from vadkit.evaluation.metrics import Setting
from vadkit.evaluation.pseudo_anomaly import PseudoAnomaly, ScoredClip

NORMAL = {"01": np.array([np.nan, 1.0, 2.0, 3.0, 4.0]), "02": np.array([np.nan, 1.0, 5.0, 1.0])}


def clip(kind, strength, scores, control=False, hits=None):
    return ScoredClip(kind, strength, control, np.array(scores, float), hits)


def figures(made, setting=None, **params):
    metrics = PseudoAnomaly(**params)(NORMAL, made, setting)
    assert len({metric.protocol for metric in metrics}) == 1
    assert "made from 2 training videos" in metrics[0].protocol.description
    return {metric.name: metric.value for metric in metrics}


def test_areas_by_strength_kind_and_all():
    found = figures(
        [
            clip("pace", 1.5, [9.0, 0.0]),
            clip("pace", 2.0, [9.0]),
            clip("pace", 2.0, [9.0, np.nan]),
            clip("texture", 0.5, [0.0]),
            clip("pace", 1.0, [9.0, 9.0], control=True),
        ]
    )
    assert found == {
        "pseudo-auc[pace@1.5]": 0.5,
        "pseudo-auc[pace@2]": 1.0,
        "pseudo-auc[pace]": 0.75,
        "pseudo-auc[texture@0.5]": 0.0,
        "pseudo-auc[texture]": 0.0,
        "pseudo-auc": 0.375,
        "pseudo-seams[pace]": 1.0,
    }


def test_false_alarms_at_the_share_found():
    made = [clip("pace", 2.0, [2.5, 4.5, 6.0, 7.0])]
    setting = Setting("", rates={"01": 1.0, "02": 1.0})
    # Seven scored seconds; all are found from 2.5 on, three of four from 4.5 on.
    assert figures(made, setting, found=1.0)["pseudo-false-alarms/h"] == pytest.approx(2 / 7 * 3600)
    assert figures(made, setting, found=0.75)["pseudo-false-alarms/h"] == pytest.approx(3600 / 7)
    assert "pseudo-false-alarms/h" not in figures(made, Setting("", rates={"01": 1.0}))


def test_peaks_in_masks():
    hits = np.array([True, True, False])
    found = figures([clip("pace", 2.0, [1.0, 2.0, 3.0], hits=hits), clip("stray", 1.0, [1.0])])
    assert found["pseudo-peak-in-mask"] == pytest.approx(2 / 3)


@pytest.mark.parametrize("made", [[], [clip("pace", 2.0, [np.nan])]])
def test_nothing_scored_is_an_error(made):
    with pytest.raises(DataError, match="no pseudo-anomaly has a score"):
        PseudoAnomaly()(NORMAL, made)
