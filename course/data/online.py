"""Sets of TensorFlow Datasets. They need the network once; without it TFDS would retry for minutes and then fail.

So a set that is already prepared is used as it is, and before any download the network is tried for two seconds.
"""

import difflib
import os
import socket
import threading
import urllib.parse
import urllib.request
from pathlib import Path

from course.data import cache
from course.data.registry import DataError, data_sets
from course.machine.quiet import quiet

HOST = ("storage.googleapis.com", 443)  # where TFDS keeps most of its files


def is_online(timeout=2.0):
    """Whether the network can be reached, found out within `timeout` seconds.

    Where downloads go through a proxy, the proxy is asked for.
    """
    found = []

    def attempt():
        try:
            socket.create_connection(_next_hop(), timeout=timeout).close()
            found.append(True)
        except OSError:
            pass

    # A thread, because looking up a host name heeds no time-out.
    thread = threading.Thread(target=attempt, daemon=True)
    thread.start()
    thread.join(timeout)
    return bool(found)


def _next_hop():
    proxies = urllib.request.getproxies()
    proxy = urllib.parse.urlsplit(proxies.get("https") or proxies.get("http") or "")
    return (proxy.hostname, proxy.port or 80) if proxy.hostname else HOST


def folders(folder):
    """Where prepared TFDS sets may lie: our folder first, then that of TFDS."""
    theirs = os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets"
    return (Path(folder), Path(theirs).expanduser())


def prepared(name, place):
    """Whether some version of the set `NAME` or `NAME/CONFIG` lies complete in the folder `place`."""
    # The version is a folder such as 3.0.1, maybe below that of a configuration.
    found = (
        info.parent
        for depth in ("*", "*/*")
        for info in (Path(place) / name).glob(f"{depth}/dataset_info.json")
    )
    return any(cache.is_whole(path) for path in found)


def builder_for(name, folder):
    """A TFDS builder whose set is prepared.

    Args:
        name: `NAME` or `NAME/CONFIG` of the TFDS catalogue.
        folder: the folder of prepared sets.

    Raises:
        DataError: if there is no such set, or no network and the set is not prepared yet.
    """
    with quiet():
        import tensorflow_datasets as tfds
    known = tfds.list_builders(with_community_datasets=False)
    if name.split("/")[0] not in known:
        near = " or ".join(f"tfds:{each}" for each in difflib.get_close_matches(name, known, n=3, cutoff=0.6))
        hint = f"did you mean {near}?" if near else "see tfds.list_builders()."
        raise DataError(f"TensorFlow Datasets has no set called {name!r}; {hint}")
    _builder(tfds, name, Path(folder) / "nowhere")  # before any download: is there such a configuration?
    for place in folders(folder):
        if prepared(name, place) and cache.is_whole((builder := _builder(tfds, name, place)).data_path):
            return builder
    if not is_online():
        raise DataError(_offline(name, folder))
    return _download(tfds, name, Path(folder))


def _builder(tfds, name, place):
    import absl.logging

    level = absl.logging.get_verbosity()
    absl.logging.set_verbosity("error")  # that a set is not there yet is no news
    try:
        with quiet():
            return tfds.builder(name, data_dir=place)
    except Exception as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise DataError(f"TensorFlow Datasets cannot use 'tfds:{name}': {reason}") from error
    finally:
        absl.logging.set_verbosity(level)


def _download(tfds, name, folder):
    with cache.workshop(folder) as private:
        builder = _builder(tfds, name, private)
        try:
            # Beside the workshop, so that a second try does not fetch again what is there.
            builder.download_and_prepare(download_dir=folder / "downloads")
        except Exception as error:
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise DataError(
                f"'tfds:{name}' could not be prepared ({reason}). Run it again: finished downloads are kept in {folder / 'downloads'}."
            ) from error
        relative = Path(builder.data_dir).relative_to(private)
        with cache.explained(folder):
            cache.put_in_place(Path(builder.data_dir), folder / relative, private)
    return _builder(tfds, name, folder)


def _offline(name, folder):
    same_task = [data for data in data_sets().values() if data.larger and data.larger.name == f"tfds:{name}"]
    size = f" ({same_task[0].larger.download})" if same_task else ""
    instead = (
        " or ".join(f'load("{data.name}")' for data in same_task) or 'an embedded set such as load("mnist5k")'
    )
    return (
        f"'tfds:{name}' has to be downloaded once{size}, and this computer is offline. Go online and run this again, "
        f"or use {instead}, which needs no network. A copy works too: put the folder {name.split('/')[0]!r} "
        f"of a computer that has it into {folder}."
    )
