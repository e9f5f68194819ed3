"""Read plugin files once, run exactly what was read, and find out what they would register.

A plugin runs from the bytes that were read and checked, and the worker processes of a command get
the same bytes. If the file changes in the meantime, this has no effect.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from vadkit import registry, trust
from vadkit.errors import PluginError


@dataclass(frozen=True)
class Plugin:
    """A plugin file and its content when it was read."""

    path: Path
    content: bytes

    @property
    def digest(self) -> str:
        """The SHA-256 of the content."""
        return trust.digest(self.content)


# Plugins that were run, by content: a run has a copy of its plugins, and a copy is the same plugin.
_ran: dict[bytes, ModuleType] = {}
# The last content that was run, by path.
_content: dict[Path, bytes] = {}
# Plugins of this command that no recipe names.
_given: list[Plugin] = []


def read_plugin(path: Path) -> Plugin:
    """Read a plugin file; ``PluginError`` if there is none."""
    content = trust.read_small(path)
    return Plugin(path.resolve(), content)


def as_run(paths: Iterable[Path]) -> tuple[Plugin, ...]:
    """Return plugins with the content that this process ran; read a plugin that it has not run."""
    found = []
    for path in paths:
        content = _content.get(path.resolve())
        found.append(read_plugin(path) if content is None else Plugin(path.resolve(), content))
    return tuple(found)


def load_plugin(path: Path) -> None:
    """Read and run a plugin file that the user named."""
    run_plugin(read_plugin(path))


def load_given(path: Path) -> None:
    """Read and run a plugin file that the user named beside a run, also in worker processes."""
    plugin = read_plugin(path)
    run_plugin(plugin)
    _given.append(plugin)


def given() -> tuple[Plugin, ...]:
    """Return the plugins of this command that no recipe names."""
    return tuple(_given)


def load_trusted(paths: Sequence[Path]) -> None:
    """Run plugin files that the user did not name, if their content is trusted.

    Otherwise it runs none of them and raises a ``PluginError`` that names each untrusted one.
    """
    found = [read_plugin(path) for path in paths]
    unknown = [one for one in found if not (one.content in _ran or trust.is_trusted(one.digest))]
    if unknown:
        raise PluginError("\n".join(map(_refusal, unknown)))
    for one in found:
        run_plugin(one)


def _refusal(plugin: Plugin) -> str:
    return (
        f"{plugin.path} is code that this user's training did not write (sha256 {plugin.digest}). "
        "Read it; to run it, add --trust-plugins"
    )


def run_plugin(plugin: Plugin) -> None:
    """Run a plugin, so that its ``register`` calls take effect; the same content only once.

    If it fails, raises ``PluginError`` with the line that failed.
    """
    path, content = plugin.path, plugin.content
    if content not in _ran:
        if path.suffix != ".py":
            raise PluginError(f"plugin {path} is not a Python file")
        module = ModuleType(f"vadkit_plugin_{path.stem}_{len(_ran)}")
        module.__file__ = str(path)
        sys.modules[module.__name__] = module
        with registry.running_plugin():
            try:
                # Not with Python's own loader, which would read the file again, or run an untrusted
                # compiled copy in `__pycache__`.
                exec(compile(content, str(path), "exec", dont_inherit=True), module.__dict__)
            except BaseException as error:
                sys.modules.pop(module.__name__, None)
                if isinstance(error, PluginError) or not isinstance(error, Exception | SystemExit):
                    raise
                line = _line_in(path, error)
                raise PluginError(
                    f"plugin {path}{line}: {type(error).__name__}: {error}"
                ) from error
        _ran[content] = module
    _content[path] = content


def _line_in(path: Path, error: BaseException) -> str:
    """Return ``:12`` for the last line of ``path`` in the error's traceback."""
    lines = [
        line
        for frame, line in traceback.walk_tb(error.__traceback__)
        if Path(frame.f_code.co_filename) == path
    ]
    if isinstance(error, SyntaxError):
        lines.append(error.lineno or 1)
    return f":{lines[-1]}" if lines else ""
