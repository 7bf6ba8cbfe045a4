"""The environment that a notebook's process gets."""

from __future__ import annotations

import os
import site
import sys
from pathlib import Path

# What a program needs of the teacher's environment to run at all; credentials and paths of theirs stay out.
_KEPT = (
    *("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "VIRTUAL_ENV"),
    *(
        "SYSTEMROOT",
        "SYSTEMDRIVE",
        "WINDIR",
        "COMSPEC",
        "PATHEXT",
        "NUMBER_OF_PROCESSORS",
        "PROCESSOR_ARCHITECTURE",
    ),
    *(
        "OMP_NUM_THREADS",
        "MKL_NUM_THREADS",
        "CUDA_HOME",
        "CUDA_PATH",
        "CUDA_VISIBLE_DEVICES",
        "NVIDIA_VISIBLE_DEVICES",
    ),
    *("CUBLAS_WORKSPACE_CONFIG", "PYTORCH_ENABLE_MPS_FALLBACK", "PYTORCH_CUDA_ALLOC_CONF"),
)


def clean_environment(scratch: Path, device: str) -> dict[str, str]:
    """Environment of the notebook: nothing of the grader's, home and caches inside the scratch folder.

    Parameters
    ----------
    device
        ``auto``, ``cpu``, ``mps``, ``cuda`` or ``cuda:N``: decides which GPUs are visible at all.
    """
    home = scratch / ".home"
    home.mkdir(exist_ok=True)
    environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
    environment |= {
        name: str(home) for name in ("HOME", "USERPROFILE", "APPDATA", "LOCALAPPDATA", "TMPDIR", "TEMP", "TMP")
    }
    environment |= {
        name: str(home / name.lower()) for name in ("XDG_CACHE_HOME", "MPLCONFIGDIR", "TORCH_HOME", "IPYTHONDIR")
    }
    # Threads that wait for each other by spinning make training ten times slower as soon as anything else runs;
    # threads that sleep at once make it half as slow again where nothing does. A short spin is near the best of both.
    environment["GOMP_SPINCOUNT"] = "2000"
    environment |= {
        "USER": "student",
        "LOGNAME": "student",
        "PYTHONHASHSEED": "0",
        "PYTHONIOENCODING": "utf-8",
        "PIP_NO_INDEX": "1",  # what is called past IPython is answered at once, too, and installs nothing anywhere
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "WANDB_MODE": "disabled",  # who logs there trains all the same
        "HF_HUB_OFFLINE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    }
    if site.ENABLE_USER_SITE and site.USER_BASE:
        environment["PYTHONUSERBASE"] = site.USER_BASE  # packages of `pip install --user` are found by HOME otherwise
    if os.name == "posix":
        environment["PATH"] = os.pathsep.join([str(Path(sys.prefix) / "bin"), "/usr/local/bin", "/usr/bin", "/bin"])
    if device in ("cpu", "mps"):
        environment["CUDA_VISIBLE_DEVICES"] = ""
    elif device.startswith("cuda:"):
        environment["CUDA_VISIBLE_DEVICES"] = device.removeprefix("cuda:")
    return environment
