"""Networks: torch modules with plain keyword arguments that know nothing of recipes."""

from __future__ import annotations

COMPONENTS: dict[str, dict[str, str]] = {
    "networks": {
        "conv-ae": "vadkit.networks.conv_ae:ConvAE",
        "unet": "vadkit.networks.unet:UNet",
        "patch-gan": "vadkit.networks.patch_gan:PatchGAN",
    },
}
