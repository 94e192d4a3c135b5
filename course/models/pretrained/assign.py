"""Puts weights into a learner's own layers by the names of attributes, all or none."""

from course.errors import CourseError
from course.models.checkpoints import named_weights


def assign_weights(parts: dict, weights: dict, advice: str) -> int:
    """Give layers their weights.

    Args:
        parts: name -> a layer or model that has been called once.
        weights: name -> array; a name is that of a part, and then those of attributes, such as
            `encoder.blocks.0.output_dense.kernel`.
        advice: how the layers are to be made, for whoever made them otherwise.

    Returns:
        How many numbers were loaded.

    Raises:
        CourseError: if a weight is missing on either side, or a shape differs. Then no weight has been changed.
    """
    own = {}
    for part, layer in parts.items():
        found = named_weights(layer)
        if not found:
            raise CourseError(f"Call {part or 'the model'} once before loading: it has no weights yet.")
        own |= {f"{part}.{name}".lstrip("."): variable for name, variable in found.items()}
    missing = sorted(set(own) ^ set(weights))
    if missing:
        where = "your model has none" if missing[0] in weights else "the file has none"
        raise CourseError(
            f"The weights do not fit: of the name {missing[0]} {where}. {advice} Sub-layers have the names that the "
            "docstrings give."
        )
    for name, values in weights.items():
        if tuple(own[name].shape) != values.shape:
            raise CourseError(
                f"The weights do not fit: {name} has the shape {values.shape}, and yours {tuple(own[name].shape)}. {advice}"
            )
    for name, values in weights.items():
        own[name].assign(values)
    return sum(values.size for values in weights.values())
