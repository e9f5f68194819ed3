"""The sinks that a run's recipe names, as far as they may be used without being asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vadkit import trust
from vadkit.errors import PluginError
from vadkit.recipe import Spec
from vadkit.registry import find
from vadkit.workflows.run import load_run


def own_sinks(run: Path) -> list[Spec]:
    """The sinks of a run's recipe.

    Raises ``PluginError`` where one sends to another machine and this user neither trained the run
    nor allowed it: video, and secrets from the environment, would go where a stranger wants them.
    """
    sinks = load_run(run).sinks
    sending = [spec.type for spec in sinks if _sends(spec)]
    recipe = run / "recipe.yaml"
    if sending and not trust.is_trusted(digest := trust.digest(recipe.read_bytes())):
        raise PluginError(
            f"{recipe} sends alarms to another machine ({', '.join(sending)}), and this user's "
            f"training did not write it (sha256 {digest}). Read its sinks; to use them, add "
            "--trust-plugins, or name others with --sink"
        )
    return sinks


def _sends(spec: Spec) -> bool:
    kind: Any = find("sinks", spec.type).load()
    return getattr(kind, "sends", False)
