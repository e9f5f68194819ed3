"""Protocols by name: for live systems, and from well-known papers.

The presets of papers apply what the authors' code or text does to raw scores. If the authors also
chose a checkpoint or a parameter with test labels, the preset does not, and its note says so.
"""

from __future__ import annotations

from vadkit.evaluation.protocol import Protocol

_BEST_STEP = "the authors report the best training step on the test set"
_TRAPEZOID = "their AP is ap-trapezoid"


def raw() -> Protocol:
    """Unchanged scores of the method; valid online."""
    return Protocol(name="raw")


def online() -> Protocol:
    """Causal smoothing with a half-life of 4 frames, fixed for all runs; valid online."""
    return Protocol(name="online", smoothing="causal", window=4)


def offline() -> Protocol:
    """Gaussian smoothing with sigma 4 frames, which uses future frames; not normalised."""
    return Protocol(name="offline", smoothing="offline", window=4)


def conv_ae() -> Protocol:
    """Regularity score (Hasan et al., CVPR 2016, eq. 4): scores scaled to 0..1 in each video."""
    return Protocol(name="conv-ae", normalisation="per-video")


def ano_pred() -> Protocol:
    """Future frame prediction (Liu et al., CVPR 2018, eq. 8): PSNR scaled to 0..1 in each video."""
    note = "the authors' code reports the best checkpoint on the test set; this preset does not"
    return Protocol(name="ano-pred", normalisation="per-video", note=note)


def memae() -> Protocol:
    """MemAE (Gong et al., ICCV 2019, sec. 3.5): errors scaled to 0..1 in each video."""
    return Protocol(name="memae", normalisation="per-video")


def mnad() -> Protocol:
    """MNAD (Park et al., CVPR 2020, eq. 15): error and distance, each scaled to 0..1 in each video.

    Offline only: the first score needs the whole test video. It needs the parts of mnad's score.
    """
    note = "the authors' memory also learns from test video; here only with update_at_test"
    parts = (("error", 0.6), ("distance", 0.4))
    return Protocol(name="mnad", normalisation="per-video", parts=parts, note=note)


def amc() -> Protocol:
    """AMC (Nguyen and Meunier, ICCV 2019, sec. 3.5): scores normalised in each video."""
    note = "the paper divides by each video's highest score; here the lowest score also becomes 0"
    return Protocol(name="amc", normalisation="per-video", note=note)


def ocae() -> Protocol:
    """Object-centric auto-encoders (Ionescu et al., CVPR 2019): smoothed, mean AUC over videos."""
    return Protocol(name="ocae", averaging="macro", smoothing="offline", window=5)


def aed_sssmtl() -> Protocol:
    """Self-supervised multi-task learning (Georgescu et al., CVPR 2021): padded macro AUC.

    The authors' code adds one 0 and one 1 to every video, so that videos of one class count too.
    """
    note = "the authors filter score maps over space and time; here, sigma 10 replaces that"
    return Protocol(
        name="aed-sssmtl", averaging="padded-macro", smoothing="offline", window=10, note=note
    )


def ai_vad() -> Protocol:
    """Attribute-based representations (Reiss and Hoshen, 2022): Gaussian smoothing, micro AUC."""
    note = "the authors use a sigma of 3 to 7 frames, depending on the dataset"
    return Protocol(name="ai-vad", smoothing="offline", window=3, note=note)


def deep_mil() -> Protocol:
    """Deep MIL ranking (Sultani et al., CVPR 2018): micro AUC, segment scores over their frames."""
    note = "the paper scores 32 equal segments of each video, however long they are"
    return _of_segments("deep-mil", note)


def rtfm() -> Protocol:
    """RTFM (Tian et al., ICCV 2021): segment scores over their 16 frames; AP on XD-Violence."""
    note = f"{_BEST_STEP}, this preset does not; {_TRAPEZOID}"
    return _of_segments("rtfm", note)


def mgfn() -> Protocol:
    """MGFN (Chen et al., AAAI 2023): segment scores over their 16 frames; AP on XD-Violence."""
    note = f"the authors report the best epoch on the test set, this preset does not; {_TRAPEZOID}"
    return _of_segments("mgfn", note)


def s3r() -> Protocol:
    """S3R (Wu et al., ECCV 2022): micro AUC, segment scores over their 16 frames."""
    note = f"{_BEST_STEP}; this preset does not"
    return _of_segments("s3r", note)


def ur_dmu() -> Protocol:
    """UR-DMU (Zhou et al., AAAI 2023): segment scores over their 16 frames; AP on XD-Violence."""
    note = f"{_BEST_STEP}, this preset does not; {_TRAPEZOID}"
    return _of_segments("ur-dmu", note)


def pel4vad() -> Protocol:
    """PEL4VAD (Pu et al., TIP 2024): segment scores over their 16 frames; AP on XD-Violence."""
    note = (
        "the authors smooth over a window that differs by data set, this preset does not; "
        f"{_TRAPEZOID}"
    )
    return _of_segments("pel4vad", note)


def bn_wvad() -> Protocol:
    """BN-WVAD (Zhou et al., 2023): segment scores over their 16 frames; AP on XD-Violence."""
    note = f"{_BEST_STEP}, this preset does not; {_TRAPEZOID}"
    return _of_segments("bn-wvad", note)


def vadclip() -> Protocol:
    """VadCLIP (Wu et al., AAAI 2024): scores over 16 frames; AP of scikit-learn, and event-map."""
    note = (
        "the authors report the best checkpoint on the test set, this preset does not; their mAP "
        "also counts normal videos as a kind"
    )
    return _of_segments("vadclip", note)


def _of_segments(name: str, note: str) -> Protocol:
    """Return a protocol that gives the score of a segment to its frames and smooths nothing."""
    return Protocol(name=name, unscored="back-fill", note=note)
