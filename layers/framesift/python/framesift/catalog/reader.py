"""Reading a catalog: queries over the newest snapshot, with every change since.

A process keeps a snapshot as a DuckDB file in a cache folder, which other processes share, and the items that later
changes touched as rows in memory. Each query first applies the changes that it has not seen, so whoever has changed
something sees it at once.
"""

from __future__ import annotations
