"""The user's folder of data sets, which the folder ``datasets`` of a recipe's paths stands for."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from vadkit.errors import RecipeError
from vadkit.reading import read_bytes
from vadkit.text import printable
from vadkit.trust import config_folder

_PLACE = "datasets/"
_VARIABLE = "VADKIT_DATA"
_MOST = 1 << 20


class _Settings(BaseModel):
    """The user's settings: ``data`` is the folder of all data sets."""

    model_config = ConfigDict(extra="forbid")
    data: Path | None = None


def data_folder() -> tuple[Path, str] | None:
    """Return the folder of data sets and what names it; None if the user has set none.

    ``VADKIT_DATA`` in the environment goes before ``data`` in ``vadkit/settings.yaml`` of the
    user's config folder. Raises ``RecipeError`` if the folder does not exist, and for wrong
    settings.
    """
    if chosen := os.environ.get(_VARIABLE):
        folder, source = Path(chosen), _VARIABLE
    else:
        home = config_folder()
        if home is None or (data := _read(file := home / "settings.yaml").data) is None:
            return None
        folder, source = data, str(file)
    folder = folder.expanduser().absolute()
    if not folder.is_dir():
        raise RecipeError(f"{source}: the folder of data sets {folder} does not exist")
    return folder, source


def with_data_folder(data: dict[str, Any]) -> dict[str, Any]:
    """Return recipe data in which paths below ``datasets`` are paths below the user's folder.

    A path stays as it is if it exists here and not in the user's folder.
    """
    given: list[tuple[Path, str] | None] = []

    def placed(text: str) -> str:
        if not text.startswith(_PLACE) or "\0" in text:
            return text
        # Only a recipe with such a path needs the settings.
        if not given:
            given.append(data_folder())
        if given[0] is None:
            return text
        path = given[0][0] / text.removeprefix(_PLACE)
        return str(path) if path.exists() or not Path(text).exists() else text

    found: dict[str, Any] = _each_text(data, placed)
    return found


def used_folder(data: dict[str, Any]) -> dict[str, str] | None:
    """Return the user's folder, and what names it, if a path of a recipe is in it, else None."""
    folder = data_folder()
    if folder is None:
        return None
    inside: list[str] = []

    def note(text: str) -> str:
        inside.extend([text] if text.startswith(f"{folder[0]}{os.sep}") else [])
        return text

    _each_text(data, note)
    return {"path": str(folder[0]), "from": folder[1]} if inside else None


def _each_text(data: Any, change: Callable[[str], str]) -> Any:
    if isinstance(data, dict):
        return {key: _each_text(value, change) for key, value in data.items()}
    if isinstance(data, list):
        return [_each_text(value, change) for value in data]
    return change(data) if isinstance(data, str) else data


def _read(path: Path) -> _Settings:
    try:
        data: Any = yaml.safe_load(read_bytes(path, _MOST).decode("utf-8"))
        return _Settings.model_validate({} if data is None else data)
    except FileNotFoundError:
        return _Settings()
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise RecipeError(
            f"{path}: {printable(where)}: {first['msg'].lower()}; the only setting is 'data', the "
            "folder of data sets"
        ) from None
    except (OSError, ValueError, yaml.YAMLError, RecursionError) as error:
        reason = " ".join(str(error).split())[:200]
        raise RecipeError(f"{path} cannot be read as YAML: {printable(reason)}") from None
