"""Run the stand-in until it is stopped: `python -m framesift_local.standins.translate [port]`."""

from __future__ import annotations

import sys
import threading

from framesift.errors import PortInUseError
from framesift_local.standins.translate.server import TranslateStandIn


def main() -> int:
    """Serve; the exit code shows whether the port was available."""
    try:
        with TranslateStandIn(port=int(sys.argv[1]) if len(sys.argv) > 1 else 0) as stand_in:
            sys.stdout.write(f"{stand_in.url}\n")
            sys.stdout.flush()
            threading.Event().wait()
    except PortInUseError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    except KeyboardInterrupt:
        pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
