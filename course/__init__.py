"""Build attention, a Transformer, BERT, ViT, iGPT and MAE yourself, one small exercise at a time.

In a lab notebook:

    import course

    course.check(softmax)       # is my answer right? if not, what is the likely mistake?
    course.hint("softmax")      # one more hint
"""

from importlib import metadata

try:
    __version__ = metadata.version("transformer-labs")
except metadata.PackageNotFoundError:  # a checkout that was never installed
    __version__ = "0+unknown"

__all__ = ["check", "hint"]


def check(answer, exercise=None):
    """Check an answer at once. See `course.checking.run`."""
    from course.checking import run

    return run(answer, exercise)


def hint(exercise):
    """Show one more hint for an exercise. See `course.hints.hint`."""
    from course.hints import hint as show

    return show(exercise)
