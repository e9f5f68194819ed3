"""Addresses of cameras and receivers without the passwords and keys in them."""

from __future__ import annotations

import re
from urllib.parse import quote, quote_plus, unquote, unquote_plus

_HIDDEN = "***"
# A name of a setting that holds one of these words is a secret, such as `api_key` or `loginPwd`.
_SECRET = re.compile(r"pw|psw|pass|token|key|auth|secret|sig|cred|jwt|session", re.IGNORECASE)
# A setting and its value, up to the next setting: a password may hold any of `/?#&;`.
_SETTING = re.compile(r"([^=&;?/#\s]+)=((?:(?![&;][\w.%\[\]-]+=).)*)", re.DOTALL)
_HEAD = re.compile(r"^(.*?(?:://|\b(?:rtsps?|https?|rtmps?):/{1,2}))?(.*)$", re.DOTALL)
_HINT = (
    "a password in an address must be percent-encoded: %2F for /, %3F for ?, %23 for #, %40 for @"
)


def mask_address(address: str) -> str:
    """An address without its password and the secrets among its settings.

    A password may hold characters that should have been percent-encoded, so everything between the
    first colon and the last ``@`` is hidden, even where some of it could be a path.
    """
    head, rest = _split(address)
    user, password, place = _userinfo(rest)
    shown = rest if password is None else f"{user}:{_HIDDEN}@{place}"
    return head + _mask_settings(shown)


def mask_addresses(text: str) -> str:
    """A text of ours with every address in it masked, such as the words of a command line."""
    return re.sub(r"\S*:/\S.*|\S+:\S*@.*|\S+=\S*", lambda found: mask_address(found[0]), text)


def mask_message(message: str, address: str) -> str:
    """A message of a library about ``address``, without the secrets of the address.

    Libraries repeat an address, or parts of it, percent-encoded or decoded.
    """
    for form in _forms(address):
        message = message.replace(form, mask_address(address))
    for secret in sorted(_secrets(address), key=len, reverse=True):
        for form in _forms(secret):
            if len(form) > 2:
                message = message.replace(form, _HIDDEN)
            elif form:
                # So short that it is part of any word.
                alone = rf"(?<![^\W_]){re.escape(form)}(?![^\W_])"
                message = re.sub(alone, _HIDDEN, message)
    return message


def encoding_hint(address: str) -> str:
    """What to do about an address whose password breaks it; empty for any other."""
    _, rest = _split(address)
    _, password, _ = _userinfo(rest)
    return _HINT if password is not None and re.search(r"[/?#@\s]", password) else ""


def _split(address: str) -> tuple[str, str]:
    found = _HEAD.match(address)
    assert found is not None
    return found[1] or "", found[2]


def _userinfo(rest: str) -> tuple[str, str | None, str]:
    """User, password (None: there is none) and the rest after them."""
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    if "@" in authority and ":" not in authority:
        return "", None, rest
    found = re.match(r"([^:]*):(.*)@", rest, re.DOTALL)
    return ("", None, rest) if found is None else (found[1], found[2], rest[found.end() :])


def _mask_settings(text: str) -> str:
    def masked(found: re.Match[str]) -> str:
        name, value = found.groups()
        secret = _SECRET.search(unquote(name))
        return f"{name}={_HIDDEN if secret and value else _mask_settings(value)}"

    return _SETTING.sub(masked, text)


def _secrets(address: str) -> set[str]:
    _, rest = _split(address)
    _, password, _ = _userinfo(rest)
    found = set() if password is None else {password}

    def look(text: str) -> None:
        for name, value in _SETTING.findall(text):
            if _SECRET.search(unquote(name)):
                # Some cameras part settings in another way, as in `/user=a_password=b_channel=1`.
                ends = [one.start() for one in re.finditer(r"[_,|]", value)]
                found.update(value[:end] for end in [*ends, len(value)])
            else:
                look(value)

    # An @ in a setting looks like the end of a password, so that all of the address counts.
    look(rest)
    return found - {""}


def _forms(text: str) -> list[str]:
    """A text as it is, decoded and encoded, the longest first."""
    plain = unquote(text)
    forms = {text, plain, unquote_plus(text)}
    for one in (text, plain):
        # What is not UTF-8 in an argument comes as surrogates.
        raw = one.encode("utf-8", "surrogatepass")
        escaped = one.encode("unicode_escape").decode()
        forms |= {quote(raw), quote(raw, safe=""), quote_plus(raw), escaped}
    return sorted(forms, key=len, reverse=True)
