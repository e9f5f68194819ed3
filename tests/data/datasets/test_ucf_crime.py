"""UCF-Crime: lists, videos anywhere, and labels of the test videos."""

import pytest

from vadkit.data.datasets.ucf_crime import UcfCrime
from vadkit.errors import DataError

TRAIN = "Abuse/Abuse001_x264.mp4\nTraining_Normal_Videos_Anomaly/Normal_Videos001_x264.mp4\n"
TEST = "Abuse/Abuse028_x264.mp4\r\nTesting_Normal_Videos_Anomaly/Normal_Videos_003_x264.mp4\r\n"
LABELS = "Abuse028_x264.mp4  Abuse  2  3  -1  -1\nNormal_Videos_003_x264.mp4 Normal -1 -1 -1 -1\n"

PUBLISHED = (
    "Anomaly-Videos-Part-1/Abuse/Abuse001_x264.mp4",
    "Anomaly-Videos-Part-1/Abuse/Abuse028_x264.mp4",
    "Training-Normal-Videos-Part-1/Normal_Videos001_x264.mp4",
    "Testing_Normal_Videos_Anomaly/Normal_Videos_003_x264.mp4",
    "Normal_Videos_for_Event_Recognition/Normal_Videos001_x264.mp4",
)
ONE_FOLDER = (
    "UCF_Crimes/Videos/Abuse/Abuse{001..028}_x264.mp4",
    "UCF_Crimes/Videos/Training_Normal_Videos_Anomaly/Normal_Videos001_x264.mp4",
    "UCF_Crimes/Videos/Normal_Videos_for_Event_Recognition/Normal_Videos001_x264.mp4",
    "UCF_Crimes/Videos/Testing_Normal_Videos_Anomaly/Normal_Videos_003_x264.mp4",
)


def write(root, lists="", labels="Temporal_Anomaly_Annotation_for_Testing_Videos.txt"):
    for name, text in (
        (f"{lists}Anomaly_Train.txt", TRAIN),
        (f"{lists}Anomaly_Test.txt", TEST),
        (labels, LABELS),
    ):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, newline="")


@pytest.mark.parametrize(
    ("videos", "lists", "labels"),
    [
        (PUBLISHED, "", "Temporal_Anomaly_Annotation_for_Testing_Videos.txt"),
        (PUBLISHED, "Anomaly_Detection_splits/", "Txt/Temporal_Anomaly_Annotation.txt"),
        (
            ONE_FOLDER,
            "UCF_Crimes/Anomaly_Detection_splits/",
            "Temporal/Txt_formate/Temporal_Anomaly_Annotation.txt",
        ),
    ],
)
def test_layouts(tmp_path, tree, videos, lists, labels):
    write(tree(tmp_path, *videos), lists, labels)
    dataset = UcfCrime(root=tmp_path)
    (train,) = dataset.videos("train")
    assert (train.id, train.abnormal, train.labels) == ("Normal_Videos001_x264", False, None)
    assert train.path.parent.name.startswith("Training")
    abnormal, normal = dataset.videos("test")
    assert (abnormal.id, abnormal.abnormal) == ("Abuse028_x264", True)
    assert (normal.id, normal.abnormal) == ("Normal_Videos_003_x264", False)
    assert abnormal.labels(4).tolist() == [False, True, True, False]
    assert normal.labels(2).tolist() == [False, False]
    assert dataset.label_source == labels.rpartition("/")[2]


def test_all_training_videos(tmp_path, tree):
    write(tree(tmp_path, *PUBLISHED))
    dataset = UcfCrime(root=tmp_path, train="all")
    assert [(v.id, v.abnormal) for v in dataset.videos("train")] == [
        ("Abuse001_x264", True),
        ("Normal_Videos001_x264", False),
    ]
    assert dataset.expected("train") == (1610, None)
    assert UcfCrime(root=tmp_path).expected("train") == (800, None)
    assert dataset.expected("test") == (290, None)


def test_other_labels_or_none(tmp_path, tree, own_labels):
    write(tree(tmp_path, *PUBLISHED), labels="elsewhere.txt")
    dataset = UcfCrime(root=tmp_path)
    assert [video.labels for video in dataset.videos("test")] == [None, None]
    assert dataset.label_source == "none"
    labels = own_labels(tmp_path / "l.json", {"Abuse028_x264": (2, (0, 1))})
    with pytest.raises(DataError, match="no entry for video 'Normal_Videos_003_x264'"):
        UcfCrime(root=tmp_path, labels=labels).videos("test")


def test_missing_videos_are_counted(tmp_path, tree):
    write(tree(tmp_path, PUBLISHED[0]))
    with pytest.raises(
        DataError, match=r"Test.txt lists Abuse/Abuse028_x264.mp4 and 1 more, which"
    ):
        UcfCrime(root=tmp_path).videos("test")


def test_two_videos_of_a_name(tmp_path, tree):
    write(tree(tmp_path, *PUBLISHED, "again/Abuse/Abuse028_x264.mp4"))
    with pytest.raises(DataError, match=r"are both video 'Abuse/Abuse028_x264.mp4'; remove one"):
        UcfCrime(root=tmp_path).videos("test")


def test_lists(tmp_path, tree):
    tree(tmp_path, *PUBLISHED)
    with pytest.raises(DataError, match=r"no list Anomaly_Train.txt.*Anomaly_Detection_splits"):
        UcfCrime(root=tmp_path).videos("train")
    for text, message in (
        ("Abuse001_x264.mp4\n", "line 1: 'Abuse001_x264.mp4' is not FOLDER/VIDEO.mp4"),
        (TRAIN + "Abuse/Abuse001_x264.mp4\n", "line 3: .* is given twice"),
    ):
        (tmp_path / "Anomaly_Train.txt").write_text(text)
        with pytest.raises(DataError, match=message):
            UcfCrime(root=tmp_path, train="all").videos("train")


def test_no_root(tmp_path):
    with pytest.raises(DataError, match=r"Anomaly_Train.txt.*datasets/ucf-crime/README.*root="):
        UcfCrime(root=tmp_path / "none")
    (tmp_path / "Anomaly_Train.txt").write_text(TRAIN)
    with pytest.raises(DataError, match=r"has no known layout.*datasets/ucf-crime/README"):
        UcfCrime(root=tmp_path).videos("train")
