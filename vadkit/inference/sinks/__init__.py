"""Outputs of a detector: each sink writes scores or events in its own format."""

from __future__ import annotations
