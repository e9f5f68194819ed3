"""Read the git commit of the current folder, without running programs that a repository names.

A repository may be untrusted, and git runs programs from its configuration and hooks, even for
`git status`.
"""

from __future__ import annotations

import os
import re
import subprocess

# Configuration keys of a repository that name no program and no other file.
_HARMLESS = re.compile(
    r"core\.(repositoryformatversion|filemode|bare|logallrefupdates|ignorecase|symlinks|autocrlf"
    r"|precomposeunicode)|(branch|user|pull|push|color|merge\.ff|init)\..*"
    r"|remote\..*\.(url|fetch|pushurl)|submodule\..*\.(url|active|branch)"
)
_GIT = ("git", "--no-pager", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null")
_QUIET = {"GIT_OPTIONAL_LOCKS": "0", "GIT_NO_LAZY_FETCH": "1", "GIT_TERMINAL_PROMPT": "0"}


def git_commit() -> str | None:
    """Return the commit, with ``-dirty`` for changed files; None outside of a repository.

    Changed files are not checked if the repository's configuration contains anything that could run
    a program, such as a filter.
    """
    commit = _git("rev-parse", "--short=12", "HEAD")
    if not commit:
        return None
    keys = _git("config", "--local", "--includes", "--name-only", "--list")
    if keys is None or not all(_HARMLESS.fullmatch(key) for key in keys.splitlines()):
        return commit
    changed = _git("status", "--porcelain", "--untracked-files=no", "--ignore-submodules=all")
    return f"{commit}-dirty" if changed else commit


def _git(*arguments: str) -> str | None:
    """Return the output of git; None if it fails or takes too long."""
    try:
        done = subprocess.run(
            [*_GIT, *arguments],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=5,
            check=False,
            env={**os.environ, **_QUIET},
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode(errors="replace").strip() if done.returncode == 0 else None
