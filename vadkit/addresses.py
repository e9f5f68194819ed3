"""Addresses of cameras and receivers without the passwords and keys in them."""

from __future__ import annotations

import re
from urllib.parse import quote, quote_plus, unquote, unquote_plus

_HIDDEN = "***"
# A setting is secret if its name contains one of these words, such as `api_key` or `loginPwd`.
_SECRET = re.compile(r"pw|psw|pass|token|key|auth|secret|sig|cred|jwt|session", re.IGNORECASE)
# A setting and its value, up to the next setting: a password may contain any of `/?#&;`.
_SETTING = re.compile(r"([^=&;?/#\s]+)=((?:(?![&;][\w.%\[\]-]+=).)*)", re.DOTALL)
_HEAD = re.compile(r"^(.*?(?:://|\b(?:rtsps?|https?|rtmps?):/{1,2}))?(.*)$", re.DOTALL)
_HINT = (
    "a password in an address must be percent-encoded: %2F for /, %3F for ?, %23 for #, %40 for @"
)


def mask_address(address: str) -> str:
    """Return an address with its password and secret settings replaced by ``***``.

    A password may contain characters that should have been percent-encoded. Everything between the
    first colon and the last ``@`` is therefore hidden, even if a part of it could be a path.
    """
    head, rest = _split(address)
    user, password, place = _userinfo(rest)
    shown = rest if password is None else f"{user}:{_HIDDEN}@{place}"
    return head + _mask_settings(shown)


def mask_addresses(text: str) -> str:
    """Mask every address in a text of vadkit, such as the words of a command line."""
    return re.sub(r"\S*:/\S.*|\S+:\S*@.*|\S+=\S*", lambda found: mask_address(found[0]), text)


def mask_message(message: str, address: str) -> str:
    """Mask the secrets of ``address`` in a library's message about it.

    Libraries repeat an address, or parts of it, percent-encoded or decoded.
    """
    for form in _forms(address):
        message = message.replace(form, mask_address(address))
    for secret in sorted(_secrets(address), key=len, reverse=True):
        for form in _forms(secret):
            if len(form) > 2:
                message = message.replace(form, _HIDDEN)
            elif form:
                # It is so short that many words contain it.
                alone = rf"(?<![^\W_]){re.escape(form)}(?![^\W_])"
                message = re.sub(alone, _HIDDEN, message)
    return message


def encoding_hint(address: str) -> str:
    """Return advice if the password makes the address ambiguous; else an empty string."""
    _, rest = _split(address)
    _, password, _ = _userinfo(rest)
    return _HINT if password is not None and re.search(r"[/?#@\s]", password) else ""


def _split(address: str) -> tuple[str, str]:
    found = _HEAD.match(address)
    assert found is not None
    return found[1] or "", found[2]


def _userinfo(rest: str) -> tuple[str, str | None, str]:
    """Return user, password (None if there is none) and the rest."""
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
                # Some cameras separate settings in another way, as in
                # `/user=a_password=b_channel=1`.
                ends = [one.start() for one in re.finditer(r"[_,|]", value)]
                found.update(value[:end] for end in [*ends, len(value)])
            else:
                look(value)

    # An @ in a setting looks like the end of a password, so search the whole address.
    look(rest)
    return found - {""}


def _forms(text: str) -> list[str]:
    """Return a text unchanged, decoded and encoded, the longest form first."""
    plain = unquote(text)
    forms = {text, plain, unquote_plus(text)}
    for one in (text, plain):
        # Bytes of an argument that are not UTF-8 are surrogates.
        raw = one.encode("utf-8", "surrogatepass")
        escaped = one.encode("unicode_escape").decode()
        forms |= {quote(raw), quote(raw, safe=""), quote_plus(raw), escaped}
    return sorted(forms, key=len, reverse=True)
