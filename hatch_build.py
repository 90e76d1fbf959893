"""Build hook that compiles the kernels ahead of time when a wheel is built, so that `pip install` provides machine code.

By default they are compiled for this machine's processor level; `FASTNN_BUILD_LEVELS` may list other levels, separated by
commas, `all`, for releases, or `none`. If compilation fails, for example without a C compiler for linking, the wheel is built
without them: Numba then compiles kernels on first use, and `fastnn info` says why. Editable installations have none.
"""

import json
import os
import platform
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

LIBRARIES = "fastnn/backends/numba_backend/libraries"


class KernelsHook(BuildHookInterface):
    """Adds a folder of libraries to a wheel."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile the kernels into a temporary folder, from which the wheel includes them."""
        levels = os.environ.get("FASTNN_BUILD_LEVELS", "").replace(",", " ").split()
        if version == "editable" or levels == ["none"]:
            return
        self._folder = tempfile.TemporaryDirectory()
        folder = Path(self._folder.name)
        failure = self._compile(folder, levels)
        if failure:
            self.app.display_warning(f"No kernels were compiled ahead of time: {failure}")
            (folder / "none.json").write_text(json.dumps({"reason": failure}))
        else:
            build_data["pure_python"] = False
            build_data["tag"] = f"py3-none-{_platform_tag(levels)}"
        build_data["force_include"].update({str(path): f"{LIBRARIES}/{path.name}" for path in folder.iterdir()})

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove the temporary folder."""
        if hasattr(self, "_folder"):
            self._folder.cleanup()

    def _compile(self, folder: Path, levels: list[str]) -> str:
        """Build the libraries in a folder; returns the reason for a failure, or an empty string."""
        command = [sys.executable, "-m", "fastnn.build", "--into", str(folder), *levels]
        done = subprocess.run(command, cwd=self.root, capture_output=True, text=True, check=False)
        lines = done.stderr.strip().splitlines()
        return "" if done.returncode == 0 else lines[-1] if lines else f"code {done.returncode}"


def _platform_tag(levels: list[str]) -> str:
    """The platform tag of a wheel; libraries for Linux do not use the C library, so any version that is not ancient works."""
    own = sysconfig.get_platform().replace("-", "_").replace(".", "_")
    if levels and platform.system() == "Linux":
        return own.replace("linux", "manylinux_2_17")
    return own
