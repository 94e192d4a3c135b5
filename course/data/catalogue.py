"""What there is to load, and whether it is ready. Imports no TensorFlow."""

import html
from dataclasses import astuple, dataclass
from importlib import metadata

from course.data import cache
from course.data.registry import data_sets

HEADINGS = ("name", "what it is", "from", "licence", "network", "state")


@dataclass(frozen=True)
class Entry:
    """One set that can be loaded.

    Attributes:
        name: what `load` takes.
        about: what it holds, with number and shape.
        source: the package that ships it, or TensorFlow Datasets with the size of the download.
        licence: of the data.
        needs_network: whether it must be downloaded the first time.
        state: "prepared", "prepared on first use", "needs the network once" or "needs the package NAME".
    """

    name: str
    about: str
    source: str
    licence: str
    needs_network: bool
    state: str

    @property
    def row(self):
        name, about, source, licence, needs_network, state = astuple(self)
        return name, about, source, licence, "once" if needs_network else "no", state


class Catalogue(tuple):
    """Entries that show themselves as a table."""

    def __str__(self):
        rows = [HEADINGS, *(entry.row for entry in self)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)

    __repr__ = __str__

    def _repr_html_(self):
        def line(tag, cells):
            return (
                "<tr>"
                + "".join(f"<{tag} style='text-align:left'>{html.escape(cell)}</{tag}>" for cell in cells)
                + "</tr>"
            )

        return f"<table>{line('th', HEADINGS)}{''.join(line('td', entry.row) for entry in self)}</table>"


def available(folder=None):
    """All sets: the embedded ones, then the larger ones of TensorFlow Datasets for the same tasks.

    Args:
        folder: where prepared sets are kept, if not in the usual place.

    Returns:
        A tuple of `Entry` that shows itself as a table.
    """
    from course.data import embedded, online

    folder = cache.folder() if folder is None else folder
    entries = []
    for data in data_sets().values():
        if cache.is_whole(embedded.path_of(data, folder), exact=True):
            state = "prepared"
        else:
            state = (
                "prepared on first use"
                if _is_installed(data.package)
                else f"needs the package {data.package}"
            )
        entries.append(Entry(data.name, data.about, data.package, data.licence, False, state))
    for larger in dict.fromkeys(data.larger for data in data_sets().values() if data.larger):
        there = any(
            online.prepared(larger.name.removeprefix("tfds:"), place) for place in online.folders(folder)
        )
        source = f"TensorFlow Datasets ({larger.download})"
        state = "prepared" if there else "needs the network once"
        entries.append(Entry(larger.name, larger.about, source, larger.licence, not there, state))
    return Catalogue(entries)


def _is_installed(package):
    try:
        metadata.version(package)
    except metadata.PackageNotFoundError:
        return False
    return True
