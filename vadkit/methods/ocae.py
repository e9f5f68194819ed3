"""Classification of detected objects by the codes of three auto-encoders."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from vadkit.data.clips.cubes import cropped
from vadkit.data.tensors import Clips
from vadkit.data.videos import ClipSpec
from vadkit.errors import TrainingError
from vadkit.methods.method import Method, Scores, Update, WeightedLoss
from vadkit.methods.objects import counted, detected, highest, painted
from vadkit.methods.reservoir import Reservoir

ROLES = ("before", "appearance", "after")
# Height and width of a crop, as in the paper.
_SIDE = 64


class OCAE(Method):
    """Object-centric auto-encoders with one-versus-rest SVMs on clusters (Ionescu, CVPR 2019).

    "Object-centric Auto-encoders and Dummy Anomalies for Abnormal Event Detection in Video". Each
    object of a frame is cropped to 64x64 in gray. Three auto-encoders learn its appearance, its
    change since 3 frames before, and its change until 3 frames after. Their concatenated codes are
    clustered into 10 clusters. For each cluster, a linear support vector machine treats the other
    clusters as anomalies. An object's score is the negative of the highest SVM value, and a frame's
    score is that of its highest object. A frame without objects has the lowest score of all
    training objects. The map has each object's score inside its box, at the clip's size. With
    ``clip.step`` n, 3 as in the paper, the first and last n frames of a video have no score. The
    paper reports macro AUC 97.8 on Ped2, 90.4 on Avenue and 84.9 on ShanghaiTech, with scores
    smoothed over time.

    Differences from the paper: objects come from the recipe's ``objects``, by default anything that
    moves in front of a static background, instead of a detector trained on COCO; change is the
    difference of crops; a batch consists of clips, with all objects of their middle frames; at most
    ``samples`` training objects, drawn at random, are clustered; the recipe smooths scores with a
    Gaussian of 5 frames.

    The SVMs are fitted with squared hinge loss by scikit-learn, in the paper by VLFeat. ``c``, 1 as
    in the paper, weights the sum of the objects' errors. VLFeat weights their mean instead: its
    lambda of 1 equals a ``c`` of 1 divided by the number of objects, which gives much simpler SVMs.
    """

    defaults: ClassVar[dict[str, Any]] = {
        "clip": {"frames": 3, "size": [240, 360], "channels": "gray", "step": 3},
        "objects": {"type": "blobs"},
        "networks": {role: {"type": "object-ae"} for role in ROLES},
        "losses": {"reconstruction": {"type": "mse", "weight": 1.0}},
        "optimizers": {role: {"type": "adam", "lr": 1e-3} for role in ROLES},
        "train": {"epochs": 100, "batch_size": 8},
        "scorers": [{"type": "gaussian", "sigma": 5}],
        "protocols": [{"type": "ocae"}],
    }
    weights: Tensor
    biases: Tensor
    lowest: Tensor

    def __init__(
        self,
        networks: Mapping[str, nn.Module],
        losses: Mapping[str, WeightedLoss],
        clip: ClipSpec,
        *,
        clusters: Annotated[int, Field(ge=2)] = 10,
        samples: Annotated[int, Field(ge=2)] = 10_000,
        c: Annotated[float, Field(gt=0)] = 1.0,
    ) -> None:
        super().__init__(networks, losses, clip)
        self.clusters, self.c = clusters, c
        blank = torch.zeros(1, 1, _SIDE, _SIDE)
        size = self._encode(dict.fromkeys(ROLES, blank)).shape[1]
        self.register_buffer("weights", torch.zeros(clusters, size))
        self.register_buffer("biases", torch.zeros(clusters))
        self.register_buffer("lowest", torch.zeros(()))
        self._codes = Reservoir(samples)

    @classmethod
    def clip_spec(cls, frames: int, size: tuple[int, int], channels: Any, step: int) -> ClipSpec:
        if frames != 3:
            raise ValueError(f"ocae needs 3 frames, clip.step apart; got {frames}")
        if channels != "gray":
            raise ValueError("ocae works on gray frames; set clip.channels: gray")
        return ClipSpec(frames, size, channels, (1,), step, boxes=1)

    @classmethod
    def network_args(cls, clip: ClipSpec) -> dict[str, tuple[Any, ...]]:
        return dict.fromkeys(ROLES, (clip.planes,))

    def _crops(self, clips: Clips) -> dict[str, Tensor]:
        """Return the input of each auto-encoder for all objects in the batch, (N, 1, 64, 64)."""
        assert clips.boxes is not None
        first, middle, last = cropped(clips.frames, clips.boxes, _SIDE).unbind(dim=2)
        return {"before": middle - first, "appearance": middle, "after": last - middle}

    def updates(self, clips: Clips) -> Iterator[Update]:
        crops = self._crops(clips)
        if not len(crops["appearance"]):
            return
        for role in ROLES:
            # Bound now, because the trainer may call the terms later.
            def terms(role: str = role) -> dict[str, Tensor]:
                output = self.networks[role](crops[role])
                return {role: self.losses["reconstruction"](output, crops[role])}

            yield Update(role, terms)

    @torch.no_grad()
    def _encode(self, crops: dict[str, Tensor]) -> Tensor:
        networks: Any = self.networks
        return torch.cat([networks[role].encode(crops[role]) for role in ROLES], dim=1).float()

    def embed(self, clips: Clips) -> Tensor:
        """Return codes (N, F) of the batch's objects, clip by clip."""
        return self._encode(self._crops(clips))

    def collect(self, clips: Clips) -> None:
        self._codes.add(self.embed(clips))

    def finalize(self) -> None:
        """Cluster the collected objects and fit the SVMs.

        Raises ``TrainingError`` for fewer objects than clusters, or for objects that are too
        similar.
        """
        from sklearn.cluster import KMeans
        from sklearn.svm import LinearSVC

        codes = self._codes.take()[0].numpy()
        found = 0
        if len(codes) > self.clusters:
            labels = KMeans(self.clusters, n_init=3, random_state=0).fit_predict(codes)
            # There are fewer clusters than requested if objects are identical.
            found = len(set(labels.tolist()))
        if found < self.clusters:
            raise TrainingError(
                f"ocae found {len(codes)} objects in the training videos, too few or too similar "
                f"for {self.clusters} clusters; check what `objects` finds, or lower "
                "method.clusters"
            )
        for cluster in range(self.clusters):
            # The dual problem, the default for few samples, often stops before it converges.
            machine = LinearSVC(C=self.c, dual=False).fit(codes, labels == cluster)
            self.weights[cluster] = torch.from_numpy(machine.coef_[0])
            self.biases[cluster] = float(machine.intercept_[0])
        self.lowest.copy_(self._object_scores(torch.from_numpy(codes).to(self.weights)).min())

    def _object_scores(self, codes: Tensor) -> Tensor:
        with torch.autocast(codes.device.type, enabled=False):
            return -(codes @ self.weights.T + self.biases).amax(dim=1)

    @classmethod
    def can_ignore(cls, params: Mapping[str, Any]) -> bool:
        return True

    @torch.no_grad()
    def score(self, clips: Clips) -> Scores:
        assert clips.boxes is not None
        of_objects = counted(
            self._object_scores(self.embed(clips)), clips.boxes, self.ignored, self.lowest
        )
        maps = painted(of_objects, clips.boxes, self.clip.size, self.lowest)
        frames = highest(of_objects, clips.boxes, self.lowest)
        objects = detected(of_objects, clips.boxes)
        return Scores(frames[:, None], maps[:, None], objects=objects)
