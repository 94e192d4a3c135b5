"""Writes files whole or not at all, so that whoever reads one, or is killed while writing one, never has a half."""

import os
import threading
from pathlib import Path


def write_whole(path: str | Path, content: str | bytes) -> None:
    """Write a file; until it is done, what was there before stays.

    Args:
        path: where; folders are made if need be.
        content: bytes, or text, which becomes UTF-8.

    Raises:
        OSError: if it cannot be written; then nothing half-written is left behind.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
    try:
        draft.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
        draft.replace(path)
    except BaseException:  # a full disk, for one
        draft.unlink(missing_ok=True)
        raise
