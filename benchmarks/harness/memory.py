"""Peak memory of a process, on systems that report it."""

import subprocess
import sys
from pathlib import Path

from benchmarks.harness.processors import ROOT

# Linux reports it here. `getrusage` would start from the peak of the parent process.
_STATUS = Path("/proc/self/status")
CAN_MEASURE = _STATUS.exists()


def peak_bytes(module: str, *arguments: str) -> int:
    """Return what ``python -m module arguments`` prints: its `own_peak_bytes`."""
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return int(done.stdout)


def own_peak_bytes() -> int:
    """Return the peak memory of this process in bytes, including Python and all libraries."""
    most = next(line for line in _STATUS.read_text().splitlines() if line.startswith("VmHWM"))
    return int(most.split()[1]) * 1024
