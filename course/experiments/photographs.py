"""Photographs that installed packages ship: nothing is downloaded, nothing of the packages is imported."""

import importlib.util
from pathlib import Path

import numpy as np

from course.errors import CourseError

# name -> (module, file in its folder, what is to be seen)
PHOTOGRAPHS = {
    "astronaut": ("skimage", "data/astronaut.png", "Eileen Collins in an orange suit, a flag behind her"),
    "hopper": ("matplotlib", "mpl-data/sample_data/grace_hopper.jpg", "Grace Hopper in uniform, a flag behind her"),
    "cat": ("skimage", "data/chelsea.png", "a cat's face"),
    "coffee": ("skimage", "data/coffee.png", "a cup of coffee with a spoon"),
    "rocket": ("skimage", "data/rocket.jpg", "a rocket on its launch pad"),
    "motorcycle": ("skimage", "data/motorcycle_left.png", "a motorcycle in a garage"),
    "camera": ("skimage", "data/camera.png", "a man with a camera on a tripod"),
    "horse": ("skimage", "data/horse.png", "a horse's silhouette"),
    "coins": ("skimage", "data/coins.png", "rows of ancient coins"),
    "brick": ("skimage", "data/brick.png", "a brick wall"),
    "grass": ("skimage", "data/grass.png", "grass"),
    "gravel": ("skimage", "data/gravel.png", "gravel"),
    "china": ("sklearn", "datasets/images/china.jpg", "a Chinese temple between trees"),
    "flower": ("sklearn", "datasets/images/flower.jpg", "an orange flower"),
}  # fmt: skip


def photograph(name, size=None, top=0.5):
    """A photograph, cut to a square in the middle if a size is given.

    Args:
        name: one of `PHOTOGRAPHS`.
        size: side of the square in pixels; the whole photograph as it is if left out.
        top: where an upright photograph is cut: 0 keeps its upper end, 1 its lower end.

    Returns:
        float32 `(height, width, 3)` from 0 to 1.

    Raises:
        CourseError: if its package is not installed; says what to run.
    """
    from PIL import Image

    module, file, _ = PHOTOGRAPHS[name]
    spec = importlib.util.find_spec(module)
    path = Path(spec.origin).parent / file if spec and spec.origin else None
    if path is None or not path.is_file():
        raise CourseError(
            f"The photograph {name!r} comes with scikit-image: run  pip install --no-deps scikit-image"
        )
    picture = Image.open(path).convert("RGB")
    if size:
        width, height = picture.size
        side = min(width, height)
        left, upper = (width - side) // 2, round(top * (height - side))
        picture = picture.crop((left, upper, left + side, upper + side)).resize(
            (size, size), Image.Resampling.BICUBIC
        )
    return np.asarray(picture, "float32") / 255
