"""What `--quality` of the benchmarks takes."""

from __future__ import annotations

import click

from .peers.ulbic import CODEC

QUALITIES = click.IntRange(1, max(CODEC.settings))
