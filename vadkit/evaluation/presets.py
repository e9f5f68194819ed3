"""Protocols by name: what a live system could do, and what well-known papers did.

The papers' presets say what their authors' code or text does to raw scores. Where the authors also
chose a checkpoint or a parameter by test labels, the preset does not, and its note says so.
"""

from __future__ import annotations

from vadkit.evaluation.protocol import Protocol


def raw() -> Protocol:
    """Scores as the method gives them; valid online."""
    return Protocol(name="raw")


def online() -> Protocol:
    """Causal smoothing with a half-life of 4 frames, chosen once and for all; valid online."""
    return Protocol(name="online", smoothing="causal", window=4)


def offline() -> Protocol:
    """Gaussian smoothing with sigma 4 frames, which looks ahead; nothing is normalised."""
    return Protocol(name="offline", smoothing="offline", window=4)


def conv_ae() -> Protocol:
    """Regularity score (Hasan et al., CVPR 2016, eq. 4): each video stretched to 0..1."""
    return Protocol(name="conv-ae", normalisation="per-video")


def ano_pred() -> Protocol:
    """Future frame prediction (Liu et al., CVPR 2018, eq. 8): PSNR stretched in each video."""
    note = "the authors' code reports the checkpoint that is best on the test set; this does not"
    return Protocol(name="ano-pred", normalisation="per-video", note=note)


def memae() -> Protocol:
    """MemAE (Gong et al., ICCV 2019, sec. 3.5): errors stretched in each video."""
    return Protocol(name="memae", normalisation="per-video")


def mnad() -> Protocol:
    """MNAD (Park et al., CVPR 2020, eqs. 12-14): scores stretched in each video."""
    note = "the paper stretches its two parts in each video before it adds them"
    return Protocol(name="mnad", normalisation="per-video", note=note)


def amc() -> Protocol:
    """AMC (Nguyen and Meunier, ICCV 2019, sec. 3.5): scores put on one scale in each video."""
    note = "the paper divides by each video's highest score; here the lowest becomes 0 as well"
    return Protocol(name="amc", normalisation="per-video", note=note)


def ocae() -> Protocol:
    """Object-centric auto-encoders (Ionescu et al., CVPR 2019): smoothed, mean AUC of videos."""
    return Protocol(name="ocae", averaging="macro", smoothing="offline", window=5)


def aed_sssmtl() -> Protocol:
    """Self-supervised multi-task learning (Georgescu et al., CVPR 2021): padded macro AUC.

    The authors' code adds one 0 and one 1 to every video, so that videos of one class count too.
    """
    note = "the authors filter score maps over space and time; sigma 10 stands for that here"
    return Protocol(
        name="aed-sssmtl", averaging="padded-macro", smoothing="offline", window=10, note=note
    )


def ai_vad() -> Protocol:
    """Attribute-based representations (Reiss and Hoshen, 2022): Gaussian smoothing, micro AUC."""
    note = "the authors use a sigma of 3 to 7 frames, another one for each data set"
    return Protocol(name="ai-vad", smoothing="offline", window=3, note=note)


def rtfm() -> Protocol:
    """Weakly supervised methods (Tian et al., ICCV 2021): segment scores over their frames."""
    note = "the authors report the training step that is best on the test set; this does not"
    return Protocol(name="rtfm", unscored="back-fill", note=note)
