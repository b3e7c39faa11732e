"""Where output goes: results to stdout, everything else to stderr."""

from __future__ import annotations

from rich.console import Console

output = Console()
errors = Console(stderr=True)
