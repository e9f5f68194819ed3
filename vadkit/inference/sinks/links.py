"""Links from an event to its picture and clip on the page of `vadkit watch`."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlsplit

from vadkit.addresses import mask_address
from vadkit.errors import RecipeError
from vadkit.inference.alarms import Event


def check_link(link: str | None, sink: str) -> str | None:
    """Return the address of a page without its last slash; ``RecipeError`` for another text."""
    if link is None:
        return None
    try:
        parts = urlsplit(link)
        good = parts.scheme in ("http", "https") and parts.hostname and not parts.query
    except ValueError:
        good = False
    if not good or parts.username or parts.password:
        raise RecipeError(
            f"sink '{sink}': link must be the http(s) address of the page of `vadkit watch`, "
            f"without a password; got '{mask_address(link)}'"
        )
    return link.rstrip("/")


def linked(event: Event, link: str | None) -> dict[str, Any]:
    """Return the record of an event, with ``links`` to its page, picture and clip."""
    data = event.to_dict()
    if link is None:
        return data
    id = quote(event.id, safe="")
    links = {"page": f"{link}/", "picture": f"{link}/snapshot/{id}.jpg"}
    if event.over and event.kind == "alarm":
        links["clip"] = f"{link}/clip/{id}.mp4"
    return {**data, "links": links}
