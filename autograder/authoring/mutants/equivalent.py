"""Mutants that are as right as the reference, each with its reason: nobody can take marks for them.

Exercise -> change, as `autograder gates --mutants` prints it -> why it is right. A test holds that every one still
exists, and that the list stays short: what can be caught by a better check or probe does not belong here.
"""

EQUIVALENT: dict[str, dict[str, str]] = {
    "scaled_dot_product_attention": {
        "weights = softmax(scores, axis=-1) -> weights = softmax(scores)": "-1 is the default",
    },
}

# Exercises whose result nobody learns through, and that run outside a graph: there a gradient that is stopped, or code
# that only runs eagerly, is no mistake.
NOT_LEARNED: dict[str, str] = {
    "positional_encoding": "a fixed table, made once",
    "sin_cos_positions": "a fixed table, made once",
    "greedy_decode": "decoding gives tokens",
    "beam_search": "decoding gives tokens",
    "pack": "lists of numbers",
    "mask_tokens": "tokens and booleans, made before training",
    "sentence_pair": "lists of numbers",
    "sentence_vectors": "an analysis of states",
    "interpolate_positions": "weights are stretched once, before training",
    "attention_rollout": "an analysis of weights",
    "quantize": "numbers of colours, made before training",
    "dequantize": "bytes of a picture",
    "next_pixel": "a colour is drawn",
    "complete": "colours are drawn",
    "bert_mask": "booleans",
    "vote": "numbers of classes",
    "block_mask": "a NumPy array of booleans",
    "visual_tokens": "numbers of codes, made before training",
    "layer_rates": "a list of numbers, made before training",
}
# Rates of a schedule: they run in the graph of a training step, and nobody asks for their slope.
NO_SLOPE: dict[str, str] = {"noam_learning_rate": "a rate", "linear_warmup_decay": "a rate"}


def is_equivalent(mutant) -> bool:
    """Whether a mutant is as right as the reference."""
    return (
        mutant.change in EQUIVALENT.get(mutant.exercise, {})
        or (mutant.exercise in NOT_LEARNED and mutant.kind in ("gradient stopped", "eager only"))
        or (mutant.exercise in NO_SLOPE and mutant.kind == "gradient stopped")
    )
