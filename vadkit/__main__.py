"""``python -m vadkit``."""

import os
import sys

# Python puts the current folder first, where a stranger's `torch.py` would be imported. It stays
# where vadkit itself lies in it, as in a checkout.
_HERE = os.getcwd()
if sys.path and sys.path[0] == _HERE and not __file__.startswith(os.path.join(_HERE, "vadkit")):
    del sys.path[0]

from vadkit.cli import main  # noqa: E402

main()
