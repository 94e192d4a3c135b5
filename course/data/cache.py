"""The folder of prepared data sets: where it is, whether a set in it is whole, how one gets in.

A set is prepared in a private folder and renamed into place when it is complete. So a preparation that breaks off
leaves nothing behind that looks finished, and two at once cannot mix: the slower one throws its copy away.
"""

import contextlib
import errno
import json
import os
import shutil
import tempfile
import time
from pathlib import Path

from course.data.registry import DataError

PRIVATE = ".preparing-"
ENOUGH = 200 * 2**20  # bytes; the embedded sets need a few MB, and a disk this full fails elsewhere next
CURE = "Set COURSE_DATA to a folder you may write to and start again, for example  COURSE_DATA=~/course_data"


def folder():
    """Where prepared sets are kept, as a `Path`; it need not exist yet."""
    chosen = os.environ.get("COURSE_DATA", "").strip()
    if chosen:
        return Path(chosen).expanduser().absolute()
    import platformdirs

    return platformdirs.user_cache_path("transformer-labs", appauthor=False) / "data"


def is_whole(path, exact=False):
    """Whether a prepared set lies complete in `path`. Reads no examples and does not need TensorFlow.

    Args:
        path: the folder of one version of one set.
        exact: also compare the size of the record files with what was written. Right for the embedded sets, which
            this version of TFDS wrote; older versions counted differently.
    """
    path = Path(path)
    try:
        info = json.loads((path / "dataset_info.json").read_text(encoding="utf-8"))
        if not (path / "features.json").is_file() or not info["splits"]:
            return False
        for split in info["splits"]:
            lengths = [int(length) for length in split["shardLengths"]]
            sizes = [file.stat().st_size for file in path.glob(f"*-{split['name']}.*-of-*")]
            if len(sizes) != len(lengths) or (sum(lengths) and not sum(sizes)):
                return False
            # Each record has its length and two checksums around it: 16 bytes.
            if exact and sum(sizes) != int(split["numBytes"]) + 16 * sum(lengths):
                return False
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return True


@contextlib.contextmanager
def workshop(folder):
    """A private folder inside the cache to prepare a set in; gone afterwards.

    Raises:
        DataError: if the cache cannot be written, or is full.
    """
    folder = Path(folder)
    with explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
        _sweep(folder)
        if shutil.disk_usage(folder).free < ENOUGH:
            raise OSError(errno.ENOSPC, "nearly full")
        private = Path(tempfile.mkdtemp(prefix=PRIVATE, dir=folder))
    try:
        yield private
    finally:
        shutil.rmtree(private, ignore_errors=True)


def put_in_place(made, target, private, exact=False):
    """Move a complete set to where it is looked for, unless another process was faster.

    Args:
        made: folder of the complete set, inside `private`.
        target: where it belongs. A broken set that lies there is thrown away.
        private: the folder of `workshop`, on the same disk.
        exact: as for `is_whole`.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists() and not is_whole(target, exact):
        # Out of the way in one step; it goes with the workshop.
        with contextlib.suppress(FileNotFoundError):
            os.replace(target, private / "broken")
    try:
        os.rename(made, target)
    except OSError:
        if not is_whole(target, exact):
            raise


@contextlib.contextmanager
def explained(folder):
    """Turn the system's complaint about the cache folder into a sentence with a cure."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            reason = f"The data folder {folder} cannot be written to."
        elif error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DataError(
                f"The disk of the data folder {folder} is full. Free some space, or set COURSE_DATA to a folder on another disk."
            ) from error
        elif error.errno in (errno.EEXIST, errno.ENOTDIR):
            reason = f"The data folder {folder} cannot be made, because a file of that name is in the way."
        else:
            reason = f"The data folder {folder} cannot be used: {error.strerror or error}."
        raise DataError(f"{reason} {CURE}") from error


def _sweep(folder, older_than=86_400):
    """Remove what preparations left behind that were killed more than a day (in seconds) ago."""
    for left in folder.glob(PRIVATE + "*"):
        with contextlib.suppress(OSError):
            if time.time() - left.stat().st_mtime > older_than:
                shutil.rmtree(left, ignore_errors=True)
