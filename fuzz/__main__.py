"""The command: `python -m fuzz images --seconds 60`, or `all` for each target in turn."""

from __future__ import annotations

import argparse
import random
import sys

from fuzz.engine import fuzz
from fuzz.targets import TARGETS


def main() -> int:
    """Fuzz; 0 if nothing was found."""
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    parser.add_argument("name", choices=[*TARGETS, "all"], help="what to fuzz")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long, for each target (default: 60)")
    parser.add_argument("--seed", type=int, default=None, help="makes a run repeatable; random by default")
    options = parser.parse_args()
    names = list(TARGETS) if options.name == "all" else [options.name]
    seed = random.randrange(1 << 32) if options.seed is None else options.seed
    found = 0
    for name in names:
        count, finding = fuzz(name, TARGETS[name], options.seconds, seed)
        print(f"{name}: {count:,} inputs (seed {seed}), {'a defect' if finding else 'no defect'}", flush=True)  # noqa: T201
        if finding:
            found += 1
            print(f"{finding.why}The input is kept as {finding.save(name)}; the tests run it.", flush=True)  # noqa: T201
    return min(1, found)


if __name__ == "__main__":
    sys.exit(main())
