"""Where a detector's scores go: one file a video, in the form that a sink writes."""

from __future__ import annotations
