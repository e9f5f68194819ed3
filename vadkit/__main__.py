"""``python -m vadkit``."""

from vadkit.cli import main

main()
