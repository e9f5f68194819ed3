"""Videos in, clips out: datasets, labels, readers, the frame store, augments and the loader."""

from __future__ import annotations

COMPONENTS: dict[str, dict[str, str]] = {
    "datasets": {
        "synthetic": "vadkit.data.datasets.synthetic:Synthetic",
        "folder": "vadkit.data.datasets.folder:Folder",
        "ucsd": "vadkit.data.datasets.ucsd:Ucsd",
    },
    "readers": {
        "decord": "vadkit.data.readers:decord",
        "pyav": "vadkit.data.readers:pyav",
        "frames": "vadkit.data.readers:frames",
    },
    "augments": {
        "resize": "vadkit.data.augments:resize",
        "fliplr": "vadkit.data.augments:fliplr",
        "flipud": "vadkit.data.augments:flipud",
        "rotate": "vadkit.data.augments:rotate",
        "crop": "vadkit.data.augments:crop",
        "blur": "vadkit.data.augments:blur",
        "jpeg": "vadkit.data.augments:jpeg",
        "grayscale": "vadkit.data.augments:grayscale",
    },
}
