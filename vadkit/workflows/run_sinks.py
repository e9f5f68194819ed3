"""The sinks of a run's recipe, if they may be used without a request on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vadkit import trust
from vadkit.errors import PluginError
from vadkit.recipe import Spec
from vadkit.registry import find
from vadkit.workflows.run import load_run


def own_sinks(run: Path) -> list[Spec]:
    """Return the sinks of a run's recipe.

    Raises ``PluginError`` if a sink sends data to another machine and the recipe is not trusted:
    an untrusted recipe could send video, and secrets from the environment, to any address.
    """
    sinks = load_run(run).sinks
    sending = [spec.type for spec in sinks if _sends(spec)]
    recipe = run / "recipe.yaml"
    if sending and not trust.is_trusted(digest := trust.digest(recipe.read_bytes())):
        raise PluginError(
            f"{recipe} sends alarms to another machine ({', '.join(sending)}), and was not "
            f"written by this user's training (sha256 {digest}). Check its sinks; to use them, "
            "add --trust-plugins, or choose other sinks with --sink"
        )
    return sinks


def _sends(spec: Spec) -> bool:
    kind: Any = find("sinks", spec.type).load()
    return getattr(kind, "sends", False)
