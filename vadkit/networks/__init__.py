"""Networks: torch modules with plain keyword arguments, independent of recipes."""

from __future__ import annotations

COMPONENTS: dict[str, dict[str, str]] = {
    "networks": {
        "vadclip": "vadkit.networks.heads.vadclip:VadCLIP",
        "ur-dmu": "vadkit.networks.heads.ur_dmu:URDMU",
        "s3r": "vadkit.networks.heads.s3r:S3R",
        "rtfm": "vadkit.networks.heads.rtfm:RTFM",
        "pel4vad": "vadkit.networks.heads.pel4vad:PEL4VAD",
        "mgfn": "vadkit.networks.heads.mgfn:MGFN",
        "bn-wvad": "vadkit.networks.heads.bn_wvad:BNWVAD",
        "amc": "vadkit.networks.amc:AMC",
        "cloze": "vadkit.networks.cloze:Cloze",
        "conditional-vae": "vadkit.networks.conditional_vae:ConditionalVAE",
        "conv-ae": "vadkit.networks.conv_ae:ConvAE",
        "conv-lstm-ae": "vadkit.networks.conv_lstm_ae:ConvLSTMAE",
        "ganomaly": "vadkit.networks.ganomaly:GANomaly",
        "ganomaly-discriminator": "vadkit.networks.ganomaly:GANomalyDiscriminator",
        "jigsaw": "vadkit.networks.jigsaw:Jigsaw",
        "masked-ae": "vadkit.networks.masked_ae:MaskedAE",
        "memae": "vadkit.networks.memae:MemAE",
        "mnad": "vadkit.networks.mnad:MNAD",
        "multilevel-memae": "vadkit.networks.multilevel_memae:MultiLevelMemAE",
        "object-ae": "vadkit.networks.object_ae:ObjectAE",
        "pose-diffusion": "vadkit.networks.pose_diffusion:PoseDiffusion",
        "pose-flow": "vadkit.networks.pose_flow:PoseFlow",
        "predictive-coding": "vadkit.networks.predictive_coding:PredictiveCoding",
        "stae": "vadkit.networks.stae:STAE",
        "pretext": "vadkit.networks.pretext:Pretext",
        "unet": "vadkit.networks.unet:UNet",
        "segment-mlp": "vadkit.networks.segment_mlp:SegmentMLP",
        "patch-gan": "vadkit.networks.patch_gan:PatchGAN",
    },
}
