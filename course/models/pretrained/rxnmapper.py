"""The BERT of chemical reactions that the package `rxnmapper` ships, for the learner's own layers of Lab 3.

An ALBERT (Lan et al. 2019, arXiv:1909.11942): one layer, used twelve times, and token vectors that are narrower than the
layer. It learned to fill in hidden parts of a million reactions, and one of its heads turned out to follow each atom from
the reactants to the product (Schwaller et al. 2021, *Extraction of organic chemistry grammar from unsupervised learning
of chemical reactions*, Science Advances 7:eabe4166).

Source: rxnmapper 0.4.3 on the Python package index, MIT. Its file is a pickle: see `torch_file`.
"""

import re
from pathlib import Path

import numpy as np

from course.errors import CourseError
from course.models.pretrained.assign import assign_weights
from course.models.pretrained.packages import Package, locate
from course.models.pretrained.torch_file import read_torch

FOLDER = "models/transformers/albert_heads_8_uspto_all_1310k"
PACKAGE = Package(
    "rxnmapper",
    "0.4.3",
    "rxnmapper",
    f"{FOLDER}/pytorch_model.bin",
    "8541f3f500dae71abe678d546bd035ca946e2d1c819f6b2cf41a97faedd7e6a2",
    3,
)
# SMILES writes a molecule as text. A token is an atom in brackets, an element, a bond, a ring's number, the arrow.
TOKEN = re.compile(r"\[[^\]]+\]|Br|Cl|>>|%\d\d|.")
ATOM = re.compile(r"\[[^\]]+\]|Br|Cl|[BCNOPSFIbcnops]")
LAYER = "albert.encoder.albert_layer_groups.0.albert_layers.0"
NAMES = {
    "albert.embeddings.word_embeddings.weight": "embedding.token_embedding.embeddings",
    "albert.embeddings.position_embeddings.weight": "embedding.position_embedding.embeddings",
    "albert.embeddings.token_type_embeddings.weight": "embedding.segment_embedding.embeddings",
    "albert.embeddings.LayerNorm": "embedding.normalization",
    "albert.encoder.embedding_hidden_mapping_in": "widening",
    f"{LAYER}.attention.query": "layer.attention.query_dense",
    f"{LAYER}.attention.key": "layer.attention.key_dense",
    f"{LAYER}.attention.value": "layer.attention.value_dense",
    f"{LAYER}.attention.dense": "layer.attention.output_dense",
    f"{LAYER}.attention.LayerNorm": "layer.attention_residual.normalization",
    f"{LAYER}.ffn": "layer.intermediate_dense",
    f"{LAYER}.ffn_output": "layer.output_dense",
    f"{LAYER}.full_layer_layer_norm": "layer.feed_forward_residual.normalization",
    "predictions.dense": "head.transform_dense",
    "predictions.LayerNorm": "head.normalization",
    "predictions.bias": "head.bias",
}


class ReactionBert:
    """The weights and the vocabulary.

    Attributes:
        vocabulary: the 591 tokens, in order.
        num_layers: how often the one layer is used.

    Args:
        path: the file of weights, `vocab.txt` beside it.
    """

    about = "rxnmapper 0.4.3 (MIT): an ALBERT that filled in hidden parts of a million chemical reactions."
    num_layers = 12

    def __init__(self, path: Path):
        self.vocabulary = (path.parent / "vocab.txt").read_text(encoding="utf-8").split()
        self._numbers = {token: number for number, token in enumerate(self.vocabulary)}
        self._weights = _translate(read_torch(path))

    def load(self, embedding, widening, layer, head) -> int:
        """Load the weights into layers that have been called once.

        Args:
            embedding: a `BertEmbedding(591, 512, 128)`.
            widening: a `Dense(256)`.
            layer: a `BertLayer(8, 256, 512)` with the exact GELU.
            head: a `MaskedLanguageHead(591, 128)` with the exact GELU.

        Returns:
            How many numbers were loaded.

        Raises:
            CourseError: if names or shapes differ. Then no weight has been changed.
        """
        return assign_weights(
            {"embedding": embedding, "widening": widening, "layer": layer, "head": head},
            self._weights,
            "Make the layers with the sizes that the lab gives.",
        )

    def tokens(self, reaction: str) -> list[str]:
        """A reaction such as `CC(=O)O.OCC>>CC(=O)OCC` in pieces, `[CLS]` before and `[SEP]` behind them."""
        return ["[CLS]", *TOKEN.findall(reaction.replace(" ", "")), "[SEP]"]

    def numbers(self, tokens: list[str]) -> np.ndarray:
        """Tokens as integers `(1, length)`; what the vocabulary does not know becomes `[UNK]`.

        Raises:
            CourseError: if there are more than the 512 positions that the model has.
        """
        if len(tokens) > 512:
            raise CourseError(
                f"The reaction has {len(tokens)} tokens, and the model reads 512: take a shorter one."
            )
        unknown = self._numbers["[UNK]"]
        return np.array([[self._numbers.get(token, unknown) for token in tokens]], "int32")


def is_atom(token: str) -> bool:
    """Whether a token of a reaction is an atom."""
    return token not in ("[CLS]", "[SEP]", "[MASK]") and ATOM.fullmatch(token) is not None


def read() -> ReactionBert:
    """The weights of the installed package.

    Raises:
        CourseError: if it is not installed, or not the known one; says what to run.
    """
    return ReactionBert(locate(PACKAGE))


def _translate(file):
    """Our names, and a dense layer's matrix turned over."""
    weights = {}
    for theirs, ours in NAMES.items():
        if theirs in file:
            weights[ours] = file[theirs]
            continue
        norm = ours.endswith("normalization")
        matrix = file[f"{theirs}.weight"]
        weights[f"{ours}.gamma" if norm else f"{ours}.kernel"] = matrix if norm else matrix.T
        weights[f"{ours}.beta" if norm else f"{ours}.bias"] = file[f"{theirs}.bias"]
    return weights
