"""A description of the machine, to be saved with the results."""

import os
import platform
from datetime import date

import llvmlite.binding


def machine() -> dict[str, str]:
    """Return date, processor and system."""
    return {
        "date": date.today().isoformat(),
        "processor": llvmlite.binding.get_host_cpu_name() + _vectors(),
        "system": platform.system(),
    }


def _vectors() -> str:
    """Return a note if vectors are limited in width, in fastnn and in the libraries that have a setting for it."""
    bits = os.environ.get("FASTNN_VECTOR_BITS")
    return f" (at most {bits}-bit vectors)" if bits else ""
