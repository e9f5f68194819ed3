"""``python -m vadkit``."""

import os
import sys

# Python searches the current folder first and would import an untrusted `torch.py` from it. The
# folder stays in the path if it contains vadkit itself, as in a checkout.
_HERE = os.getcwd()
if sys.path and sys.path[0] == _HERE and not __file__.startswith(os.path.join(_HERE, "vadkit")):
    del sys.path[0]

from vadkit.cli import main  # noqa: E402

main()
