"""Random numbers that no notebook foresees: what checks pick at grading time.

They are mixed from the run's seed, a secret of the installation, the exercise, and what was handed in: the same
notebook meets the same questions again, and whoever changes a cell of it, or is somebody else, meets others. A table
of what earlier attempts were asked is of no use.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import platformdirs
from numpy.random import default_rng  # numpy imports it when it is asked for: not in every process that judges

from grader.digests import digest

_EPHEMERAL = secrets.token_bytes(32)


def secret() -> bytes:
    """A secret of this installation, mixed into what checks pick; `GRADER_SECRET` for several machines.

    With it, the same notebook and seed meet the same questions again, and nobody else can tell them beforehand.
    """
    named = os.environ.get("GRADER_SECRET")
    if named:
        return named.encode()
    path = Path(platformdirs.user_config_dir("grader")) / "secret"
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".secret-{os.getpid()}-{secrets.token_hex(4)}")
        if not path.exists():
            draft.touch(0o600)
            draft.write_bytes(secrets.token_bytes(32))
            with suppress(OSError):
                os.link(draft, path)  # the first of several processes wins
            draft.unlink(missing_ok=True)
        known = path.read_bytes()
        if len(known) == 32:
            return known
    return _EPHEMERAL


def random_for(seed: int, work: bytes, known: bytes | None = None) -> Callable[[str], np.random.Generator]:
    """Random numbers for one purpose each: the same for the same seed, work, secret and purpose.

    Parameters
    ----------
    work
        A digest of the exercise and of what was handed in.
    known
        The secret; None for that of this installation.
    """
    key = known or secret()

    def drawn(purpose: str) -> np.random.Generator:
        material = hmac.new(key, digest(str(seed).encode(), work, purpose.encode()), hashlib.sha256).digest()
        return default_rng(int.from_bytes(material, "little"))

    return drawn
