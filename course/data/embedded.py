"""Embedded sets as TFDS builders: prepared once from an installed package, fast ever after."""

import contextlib
import errno
import functools
import io
import sys
import time
from pathlib import Path

from course.data import cache
from course.data.registry import DataError
from course.machine.quiet import quiet


def path_of(data, folder):
    """Where the prepared set lies in `folder`."""
    return Path(folder) / data.name / data.version


def builder_for(data, folder):
    """A TFDS builder whose set is prepared.

    Args:
        data: a `DataSet`.
        folder: the folder of prepared sets.

    Raises:
        DataError: if the set's package is missing or the folder cannot be written.
    """
    target = path_of(data, folder)
    if not cache.is_whole(target, exact=True):
        _prepare(data, target, Path(folder))
    with quiet():
        return _builder_class(data)(data_dir=folder)


def _prepare(data, target, folder):
    start = time.monotonic()
    with cache.workshop(folder) as private, _progress(f"Preparing {data.name}, this once") as advance:
        by_split = {}
        try:
            for split, example in data.examples():
                by_split.setdefault(split, []).append(example)
                advance()
        except ModuleNotFoundError as error:
            raise DataError(
                f"The data set {data.name!r} is part of {data.package}: run  pip install {data.package}"
            ) from error
        with cache.explained(folder):
            builder = _write(data, by_split, private)
            cache.put_in_place(Path(builder.data_dir), target, private, exact=True)
    count = sum(map(len, by_split.values()))
    print(
        f"Prepared {data.name} in {time.monotonic() - start:.0f} s: {count:,} examples, kept in {target.parent}"
    )


def _write(data, by_split, private):
    """Let TFDS write the records; its own bars, a line per split and step, are not shown."""
    with quiet(), contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        import tensorflow as tf
        import tensorflow_datasets as tfds

        builder = _builder_class(data)(data_dir=private, examples=by_split)
        tfds.display_progress_bar(False)
        try:
            builder.download_and_prepare(download_config=tfds.download.DownloadConfig(compute_stats="skip"))
        except tf.errors.ResourceExhaustedError as error:  # TensorFlow's words for a full disk
            raise OSError(errno.ENOSPC, str(error)) from error
        except tf.errors.PermissionDeniedError as error:
            raise OSError(errno.EACCES, str(error)) from error
        finally:
            tfds.display_progress_bar(True)
    return builder


@contextlib.contextmanager
def _progress(title):
    """Show that something happens, in a terminal and in a notebook; yields a function to call per example."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:,}"),
        TimeElapsedColumn(),
    )
    # Its own handle on stdout, and no redirecting: TFDS' output is caught meanwhile.
    console = Console(file=sys.stdout)
    hidden = not (console.is_terminal or console.is_jupyter)
    quietly = {"redirect_stdout": False, "redirect_stderr": False, "transient": True, "disable": hidden}
    with Progress(*columns, console=console, **quietly) as bar:
        task = bar.add_task(title, total=None)
        yield lambda: bar.advance(task)


@functools.cache
def _builder_class(data):
    """The `GeneratorBasedBuilder` of one set."""
    import tensorflow_datasets as tfds

    class Embedded(tfds.core.GeneratorBasedBuilder, skip_registration=True):
        name = data.name
        VERSION = tfds.core.Version(data.version)

        def __init__(self, *, examples=None, **options):
            self._by_split = examples
            super().__init__(**options)

        def _info(self):
            return tfds.core.DatasetInfo(
                builder=self,
                description=f"{data.about}. Shipped by {data.package}.",
                features=tfds.features.FeaturesDict(data.features(tfds)),
                supervised_keys=data.pair,
                license=data.licence,
            )

        def _split_generators(self, dl_manager):
            return {split: enumerate(examples) for split, examples in self._by_split.items()}

        def _generate_examples(self):
            raise NotImplementedError  # TFDS asks for it to exist; the splits above need none

    Embedded.__name__ = Embedded.__qualname__ = data.name
    return Embedded
