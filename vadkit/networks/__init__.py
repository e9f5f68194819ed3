"""Networks: torch modules with plain keyword arguments that know nothing of recipes."""

from __future__ import annotations

COMPONENTS: dict[str, dict[str, str]] = {
    "networks": {
        "conv-ae": "vadkit.networks.conv_ae:ConvAE",
        "conv-lstm-ae": "vadkit.networks.conv_lstm_ae:ConvLSTMAE",
        "memae": "vadkit.networks.memae:MemAE",
        "mnad": "vadkit.networks.mnad:MNAD",
        "stae": "vadkit.networks.stae:STAE",
        "unet": "vadkit.networks.unet:UNet",
        "patch-gan": "vadkit.networks.patch_gan:PatchGAN",
    },
}
