"""The data sets: what is in them, how they get onto the disk, and what is said when they cannot. No network."""

import errno
import os
import shutil
import socket
import subprocess
import sys
import time

import numpy as np
import pytest

from course import data
from course.data import cache, embedded, online, registry
from course.data.registry import DataSet

SIZES = {"digits": (1_442, 355, (8, 8, 1)), "mnist5k": (4_000, 1_000, (28, 28, 1))}


@pytest.fixture(scope="session")
def prepared(tmp_path_factory):
    """A folder with both embedded sets; a test that changes it takes a copy."""
    folder = tmp_path_factory.mktemp("data")
    for name in SIZES:
        data.load(name, folder=folder)
    return folder


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty data folder; whoever asks for the network is told that there is none."""
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "theirs"))
    monkeypatch.setattr(online, "is_online", lambda: False)
    return tmp_path / "data"


def arrays(dataset):
    [(images, labels)] = dataset.batch(10_000).as_numpy_iterator()
    return images, labels


# what is in them


@pytest.mark.parametrize("name", SIZES)
def test_sizes_types_and_classes(prepared, name):
    train, test, shape = SIZES[name]
    seen = []
    for split, count in (("train", train), ("test", test)):
        dataset = data.load(name, split, folder=prepared)
        image, label = dataset.element_spec
        assert (image.dtype.name, tuple(image.shape)) == ("uint8", shape)
        assert (label.dtype.name, tuple(label.shape)) == ("int64", ())
        images, labels = arrays(dataset)
        assert len(images) == count
        assert (images.min(), images.max()) == (0, 255)
        counts = np.bincount(labels, minlength=10)
        assert len(counts) == 10 and counts.max() - counts.min() <= 0.06 * counts.max() + 2
        seen.append(images.reshape(count, -1))
    both = np.concatenate(seen)
    # All images differ, so none is in both splits.
    assert len(np.unique(both, axis=0)) == len(both)


def test_the_order_is_the_same_on_every_machine(prepared, tmp_path):
    data.load("digits", folder=tmp_path)
    for split in ("train", "test"):
        first, second = (arrays(data.load("digits", split, folder=place)) for place in (prepared, tmp_path))
        assert all((one == other).all() for one, other in zip(first, second, strict=True))


def test_pixels_belong_to_their_labels(prepared):
    from sklearn.datasets import load_digits

    source = load_digits()
    known = {
        (image * 255 / 16).round().astype("uint8").tobytes(): label
        for image, label in zip(source.images, source.target, strict=True)
    }
    images, labels = arrays(data.load("digits", "test", folder=prepared))
    assert [known[image.tobytes()] for image in images] == labels.tolist()


def test_parts_of_splits_and_dicts(prepared):
    assert len(arrays(data.load("digits", "train[:10]", folder=prepared))[0]) == 10
    assert set(data.load("digits", as_supervised=False, folder=prepared).element_spec) == {"image", "label"}


def test_stratified_holds_out_a_fifth_of_each_class():
    splits = list(registry.stratified([0] * 10 + [1] * 5 + [2] * 4))
    assert [splits[:10].count("test"), splits[10:15].count("test"), splits[15:].count("test")] == [2, 1, 0]


# how they get there


def test_prepared_once_and_loaded_at_once(prepared, capsys):
    start = time.monotonic()
    data.load("mnist5k", folder=prepared)
    assert time.monotonic() - start < 1.0
    assert capsys.readouterr().out == ""


def test_the_first_time_says_what_it_does_and_nothing_else(folder, capfd):
    data.load("digits")
    said = capfd.readouterr()
    assert said.out.startswith("Prepared digits in ") and said.out.count("\n") == 1
    assert "1,797 examples, kept in" in said.out
    assert said.err == ""


def test_nothing_is_left_lying_about(folder):
    data.load("digits")
    assert [entry.name for entry in folder.iterdir()] == ["digits"]
    assert [entry.name for entry in (folder / "digits").iterdir()] == ["1.0.0"]


def damage_cut(path):
    shard = next(path.glob("*train*"))
    shard.write_bytes(shard.read_bytes()[:-100])


def damage_lost(path):
    next(path.glob("*test*")).unlink()


def damage_info(path):
    (path / "dataset_info.json").write_text("{")


def damage_features(path):
    (path / "features.json").unlink()


def entry_of(name):
    """The catalogue's line about one set."""
    return next(entry for entry in data.available() if entry.name == name)


def damage_empty(path):
    shutil.rmtree(path)
    path.mkdir()


@pytest.mark.parametrize("damage", [damage_cut, damage_lost, damage_info, damage_features, damage_empty])
def test_a_half_prepared_set_is_repaired(prepared, folder, damage, capsys):
    shutil.copytree(prepared / "digits", folder / "digits")
    damage(folder / "digits" / "1.0.0")
    assert entry_of("digits").state == "prepared on first use"
    assert len(arrays(data.load("digits", "test"))[0]) == 355
    assert "Prepared digits" in capsys.readouterr().out
    assert entry_of("digits").state == "prepared"
    assert [entry.name for entry in folder.iterdir()] == ["digits"]


def test_leftovers_of_killed_processes_are_swept_after_a_day(folder):
    old, fresh = (folder / f"{cache.PRIVATE}{name}" for name in ("old", "fresh"))
    for place in (old, fresh):
        (place / "digits").mkdir(parents=True)
    os.utime(old, (time.time() - 90_000,) * 2)
    with cache.workshop(folder):
        assert not old.exists() and fresh.exists()


def test_whoever_is_slower_takes_what_the_faster_made(prepared, folder, monkeypatch):
    real = registry.find("digits")

    def overtaken():
        yield from real.examples()
        shutil.copytree(prepared / "digits", folder / "digits")  # another process finishes first

    slow = DataSet(**{**vars(real), "examples": overtaken})
    monkeypatch.setitem(registry.data_sets(), "digits", slow)
    before = (prepared / "digits" / "1.0.0" / "dataset_info.json").stat().st_mtime_ns
    assert len(arrays(data.load("digits", "test"))[0]) == 355
    assert (folder / "digits" / "1.0.0" / "dataset_info.json").stat().st_mtime_ns == before  # theirs was kept
    assert [entry.name for entry in folder.iterdir()] == ["digits"]


@pytest.mark.slow
def test_three_processes_at_once(tmp_path):
    code = "import sys; from course import data; print(sum(1 for _ in data.load('mnist5k', 'test')))"
    environment = os.environ | {"COURSE_DATA": str(tmp_path)}
    crowd = [
        subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    assert all(process.communicate()[0].endswith("1000\n") and process.returncode == 0 for process in crowd)
    assert [entry.name for entry in tmp_path.iterdir()] == ["mnist5k"]


# what is said when they cannot be had


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("mnist5", "no data set called 'mnist5'; did you mean mnist5k or tfds:mnist"),
        (
            "zzz",
            "no data set called 'zzz'; there are dates, digits, docstrings, mnist5k, numbers, openmoji. Sets of TensorFlow Datasets are written tfds:NAME",
        ),
        ("tfds:mnits", "TensorFlow Datasets has no set called 'mnits'; did you mean tfds:mnist"),
        ("tfds:qqqqqq", "TensorFlow Datasets has no set called 'qqqqqq'; see tfds.list_builders"),
        ("tfds:huggingface:mnist", "TensorFlow Datasets has no set called"),
        ("tfds:mnist/nonsense", "TensorFlow Datasets cannot use 'tfds:mnist/nonsense'"),
    ],
)
def test_unknown_names(folder, name, message):
    with pytest.raises(data.DataError, match="(?s)" + message.replace("(", r"\(")):
        data.load(name)


def test_unknown_splits(prepared):
    with pytest.raises(
        data.DataError, match=r"'digits' has no split 'validation'. It has train and test, and parts"
    ):
        data.load("digits", "validation", folder=prepared)


def test_a_set_without_pairs(folder, monkeypatch):
    plain = DataSet(**{**vars(registry.find("digits")), "pair": None})
    monkeypatch.setitem(registry.data_sets(), "digits", plain)
    assert set(data.load("digits").element_spec) == {"image", "label"}
    with pytest.raises(
        data.DataError, match=r"'digits' has no \(input, label\) pairs: leave as_supervised out"
    ):
        data.load("digits", as_supervised=True)


def raising(error):
    def function(*arguments, **options):
        raise error

    return function


@pytest.mark.parametrize("code", [errno.EACCES, errno.EROFS])
def test_a_read_only_folder(folder, monkeypatch, code):
    monkeypatch.setattr(cache.tempfile, "mkdtemp", raising(OSError(code, "no")))
    with pytest.raises(
        data.DataError, match="cannot be written to. Set COURSE_DATA to a folder you may write to"
    ):
        data.load("digits")


def test_a_read_only_folder_is_fine_once_prepared(prepared, monkeypatch):
    monkeypatch.setattr(cache.tempfile, "mkdtemp", raising(OSError(errno.EROFS, "no")))
    assert data.load("digits", folder=prepared)


def test_a_file_in_the_way(folder):
    folder.write_text("")
    with pytest.raises(data.DataError, match="because a file of that name is in the way. Set COURSE_DATA"):
        data.load("digits")


def test_any_other_trouble_with_the_folder(folder, monkeypatch):
    monkeypatch.setattr(cache.tempfile, "mkdtemp", raising(OSError(errno.EIO, "Input/output error")))
    with pytest.raises(data.DataError, match="cannot be used: Input/output error. Set COURSE_DATA"):
        data.load("digits")


def test_a_full_disk_is_seen_before(folder, monkeypatch):
    usage = shutil.disk_usage(folder.parent)
    monkeypatch.setattr(cache.shutil, "disk_usage", lambda path: usage._replace(free=10 * 2**20))
    with pytest.raises(
        data.DataError, match="The disk of the data folder .* is full. Free some space, or set COURSE_DATA"
    ):
        data.load("digits")


@pytest.mark.parametrize(
    ("error", "message"),
    [
        ("ResourceExhaustedError", "is full. Free some space"),
        ("PermissionDeniedError", "cannot be written to"),
    ],
)
def test_a_disk_that_fills_up_on_the_way(folder, monkeypatch, error, message):
    import tensorflow as tf
    import tensorflow_datasets as tfds

    failure = getattr(tf.errors, error)(None, None, "no")
    monkeypatch.setattr(tfds.core.GeneratorBasedBuilder, "download_and_prepare", raising(failure))
    with pytest.raises(data.DataError, match=message):
        data.load("digits")
    assert list(folder.iterdir()) == []


def test_a_missing_package(folder, monkeypatch):
    lost = DataSet(
        **{**vars(registry.find("digits")), "examples": raising(ModuleNotFoundError("No module named 'x'"))}
    )
    monkeypatch.setitem(registry.data_sets(), "digits", lost)
    with pytest.raises(
        data.DataError, match="'digits' is part of scikit-learn: run {2}pip install scikit-learn"
    ):
        data.load("digits")


# TensorFlow Datasets


def test_offline_is_told_at_once_and_with_a_way_out(folder):
    start = time.monotonic()
    with pytest.raises(data.DataError) as caught:
        data.load("tfds:mnist")
    assert time.monotonic() - start < 5
    text = str(caught.value)
    assert "'tfds:mnist' has to be downloaded once (11 MB), and this computer is offline." in text
    assert 'load("digits") or load("mnist5k")' in text
    assert f"put the folder 'mnist' of a computer that has it into {folder}" in text
    assert not folder.exists()


def test_offline_with_a_set_of_another_task(folder):
    with pytest.raises(
        data.DataError, match='downloaded once, and this .* an embedded set such as load."mnist5k"'
    ):
        data.load("tfds:kmnist")


def prepare_mnist(builder):
    """What TFDS does after the download, with three made-up images."""
    images = [(key, {"image": np.full((28, 28, 1), key, "uint8"), "label": key}) for key in range(3)]
    builder._split_generators = lambda dl_manager: {"train": iter(images), "test": iter(images[:2])}
    builder.download_and_prepare()


@pytest.mark.parametrize("place", ["data", "theirs"])
def test_a_prepared_set_needs_no_network(folder, monkeypatch, place):
    import tensorflow_datasets as tfds

    prepare_mnist(tfds.builder("mnist", data_dir=folder.parent / place))
    monkeypatch.setattr(online, "is_online", raising(AssertionError("asked for the network")))
    assert arrays(data.load("tfds:mnist", "test"))[0].shape == (2, 28, 28, 1)
    entry = entry_of("tfds:mnist")
    assert (entry.name, entry.state, entry.needs_network) == ("tfds:mnist", "prepared", False)


@pytest.mark.parametrize("damage", [damage_lost, damage_info])
def test_a_half_copied_set_counts_as_none(folder, damage):
    import tensorflow_datasets as tfds

    prepare_mnist(tfds.builder("mnist", data_dir=folder))
    damage(folder / "mnist" / "3.0.1")
    with pytest.raises(data.DataError, match="this computer is offline"):
        data.load("tfds:mnist")
    assert entry_of("tfds:mnist").state == "needs the network once"


def test_a_download_that_breaks_off(folder, monkeypatch):
    import tensorflow_datasets as tfds

    monkeypatch.setattr(online, "is_online", lambda: True)
    failure = ConnectionError("connection reset\nby peer")
    monkeypatch.setattr(tfds.core.GeneratorBasedBuilder, "download_and_prepare", raising(failure))
    with pytest.raises(
        data.DataError, match=r"could not be prepared \(connection reset\). Run it again: finished downloads"
    ):
        data.load("tfds:mnist")
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("before", ["nothing", "half a set"])
def test_a_download_ends_up_in_the_data_folder(folder, monkeypatch, before):
    import tensorflow_datasets as tfds

    real = tfds.core.GeneratorBasedBuilder.download_and_prepare

    def download(builder, download_dir=None):
        if download_dir:
            assert download_dir == folder / "downloads"
            monkeypatch.setattr(tfds.core.GeneratorBasedBuilder, "download_and_prepare", real)
            prepare_mnist(builder)

    if before == "half a set":
        (folder / "mnist" / "3.0.1").mkdir(parents=True)
        (folder / "mnist" / "3.0.1" / "dataset_info.json").write_text("{")
    monkeypatch.setattr(online, "is_online", lambda: True)
    monkeypatch.setattr(tfds.core.GeneratorBasedBuilder, "download_and_prepare", download)
    assert len(arrays(data.load("tfds:mnist"))[0]) == 3
    assert [entry.name for entry in folder.iterdir()] == ["mnist"]


@pytest.fixture
def no_proxy(monkeypatch):
    monkeypatch.setattr(online.urllib.request, "getproxies", dict)


def test_the_probe_finds_a_network(no_proxy, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setattr(online, "HOST", server.getsockname())
        assert online.is_online()
    assert not online.is_online()  # nobody listens any more


class _Closed:
    def close(self):
        pass


def test_the_probe_gives_up_in_time(no_proxy, monkeypatch):
    # Looking up a name may hang for as long as it likes.
    monkeypatch.setattr(
        online.socket, "create_connection", lambda *arguments, **options: time.sleep(3) or _Closed()
    )
    start = time.monotonic()
    assert not online.is_online(timeout=0.2)
    assert time.monotonic() - start < 1


def test_the_probe_asks_the_proxy_where_there_is_one(monkeypatch):
    monkeypatch.setattr(online.urllib.request, "getproxies", lambda: {"https": "http://proxy.invalid:3128"})
    assert online._next_hop() == ("proxy.invalid", 3128)


# the catalogue


def test_the_catalogue_shows_itself(prepared):
    found = data.available(prepared)
    names = {entry.name: entry.needs_network for entry in found}
    assert {"digits", "mnist5k", "dates", "numbers"} | {"openmoji"} <= {
        name for name, network in names.items() if not network
    }
    assert "tfds:mnist" in names and all(names[name] for name in names if name.startswith("tfds:"))
    assert (
        "mnist5k" in str(found) and "CC BY-SA 3.0" in str(found) and "needs the network once" in repr(found)
    )
    assert found._repr_html_().count("<tr>") == 1 + len(found)


def test_a_set_whose_package_is_missing(folder, monkeypatch):
    lost = DataSet(**{**vars(registry.find("digits")), "package": "no-such-package"})
    monkeypatch.setitem(registry.data_sets(), "digits", lost)
    assert entry_of("digits").state == "needs the package no-such-package"


def test_the_catalogue_needs_no_tensorflow():
    code = "import sys; from course import data; data.available(); sys.exit(bool({'tensorflow', 'keras'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], timeout=30, check=False).returncode == 0


def test_the_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_DATA", "~/somewhere")
    assert cache.folder() == cache.Path.home() / "somewhere"
    monkeypatch.delenv("COURSE_DATA")
    assert cache.folder().parts[-2:] == ("transformer-labs", "data") or "transformer-labs" in str(
        cache.folder()
    )


def test_a_builder_is_made_once_per_set():
    assert embedded._builder_class(registry.find("digits")) is embedded._builder_class(
        registry.find("digits")
    )
