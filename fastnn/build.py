"""``python -m fastnn.build``: compile the kernels ahead of time, so that training compiles nothing.

Without arguments, they are compiled for the level of this machine's processor; otherwise for the named levels, or ``all``.
Each level is compiled in its own process, because Numba's target is fixed for a process.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from fastnn.backends.numba_backend.levels import Level, is_supported, levels
from fastnn.backends.numba_backend.prebuilt import FOLDER


def build_level(of: Level, folder: Path) -> Path:
    """Compile and link the kernels of a level.

    Parameters
    ----------
    of : Level
        The level.
    folder : Path
        Folder for the library.

    Returns
    -------
    Path
        The library.

    Raises
    ------
    RuntimeError
        If it cannot be built; the message says why.
    """
    with tempfile.TemporaryDirectory() as cache:
        own = {name: value for name, value in os.environ.items() if not name.startswith(("NUMBA_", "FASTNN_"))}
        environment = own | {
            "FASTNN_BUILD_LEVEL": of.name,
            "NUMBA_CPU_NAME": of.name,
            "NUMBA_CPU_FEATURES": "",
            "NUMBA_CACHE_DIR": cache,
            "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")]),
        }
        command = [sys.executable, "-m", "fastnn.backends.numba_backend.ahead_of_time", str(folder)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "the compiler failed")
    return Path(done.stdout.strip().splitlines()[-1])


def main() -> None:
    """Build the levels given on the command line."""
    names = [known.name for known in levels()]
    parser = argparse.ArgumentParser(prog="python -m fastnn.build", description=__doc__.split("\n\n")[0])
    parser.add_argument("levels", nargs="*", choices=[*names, "all", []], help=f"all, or some of {', '.join(names)}")
    parser.add_argument("--into", type=Path, default=FOLDER, help="folder for the libraries; default: fastnn's own")
    arguments = parser.parse_args()
    asked = arguments.levels
    if "all" in asked:
        chosen = list(levels())
    else:
        chosen = [known for known in levels() if known.name in asked] or [next(filter(is_supported, levels()))]
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # each thread waits for a process
        for line in pool.map(partial(_report_of, folder=arguments.into), chosen):
            print(line)  # noqa: T201


def _report_of(of: Level, folder: Path) -> str:
    """Compile a level, and return the line to print about it."""
    start = time.perf_counter()
    try:
        path = build_level(of, folder)
    except RuntimeError as error:
        sys.exit(f"fastnn cannot compile its kernels for {of.name}: {error}")
    size, seconds = path.stat().st_size / 1024, time.perf_counter() - start
    return f"{of.name}: {path.name}, {size:.0f} KB, {seconds:.0f} s"


if __name__ == "__main__":
    main()
