"""Pictures of scores and of annotated video."""

from __future__ import annotations
