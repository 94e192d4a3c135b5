"""Chemical reactions as sentences, for a BERT that learned to fill in their hidden parts: the end of Lab 3."""

import numpy as np
from keras import ops

from course import plots
from course.experiments import measuring
from course.models.pretrained.rxnmapper import is_atom

# Textbook reactions in SMILES: atoms are letters, `=` is a double bond, digits close rings, `.` stands between molecules.
REACTIONS = {
    "aspirin": "CC(=O)OC(C)=O.O=C(O)c1ccccc1O>>CC(=O)Oc1ccccc1C(=O)O",
    "an ester": "CC(=O)O.OCC>>CC(=O)OCC",
    "an amide": "O=C(Cl)c1ccccc1.NCC>>O=C(NCC)c1ccccc1",
    "a Suzuki coupling": "Brc1ccccc1.OB(O)c1ccncc1>>c1ccc(-c2ccncc2)cc1",
}


def hide_each(file, reaction):
    """A reaction as often as its product has tokens, each time another of them hidden.

    Args:
        file: `course.pretrained("rxnmapper")`.
        reaction: in SMILES.

    Returns:
        `(tokens, places, rows)`: the tokens; which of them are hidden, `(places,)`; integers `(places, length)`.
    """
    tokens = file.tokens(reaction)
    places = np.arange(tokens.index(">>") + 1, len(tokens) - 1)
    rows = [file.numbers([*tokens[:place], "[MASK]", *tokens[place + 1 :]]) for place in places]
    return tokens, places, np.concatenate(rows)


def fill_in(read, file, reaction):
    """What a model says of each hidden token of a product.

    Args:
        read: function of integers `(rows, length)` that gives scores `(rows, length, vocabulary)`.
        file, reaction: as for `hide_each`.

    Returns:
        List of `(token, guess, share of the true token)`.
    """
    tokens, places, rows = hide_each(file, reaction)
    scores = ops.softmax(ops.convert_to_tensor(read(rows)), axis=-1)
    shares = ops.convert_to_numpy(scores)[np.arange(len(places)), places]
    return [
        (tokens[place], file.vocabulary[row.argmax()], float(row[file.numbers([tokens[place]])[0, 0]]))
        for place, row in zip(places, shares, strict=True)
    ]


def filled_picture(found):
    """One line for each reaction: the tokens of its product, as dark as the model was sure of them, wrong guesses crossed.

    Args:
        found: name -> what `fill_in` gives.
    """
    most = max(map(len, found.values()))
    values = np.full((len(found), most), np.nan)
    fig, axis = plots.figure(width=9.6, height=0.8 + 0.5 * len(found))
    for row, each in enumerate(found.values()):
        for column, (token, guess, share) in enumerate(each):
            values[row, column] = share
            colour = "white" if share > 0.6 else "black"
            axis.text(column, row, token, ha="center", va="center", color=colour)
            if guess != token:
                axis.plot(column, row, "x", color=plots.COLOURS[1], markersize=18)
    drawn = axis.imshow(values, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    axis.set_yticks(range(len(found)), list(found))
    axis.set(xticks=[], title="Each token of the product hidden in turn")
    axis.grid(False)
    fig.colorbar(drawn, ax=axis, label="share given to the true token")
    return fig


def atom_attention(read, layer, file, reaction, number=11, head=6):
    """Where the atoms of a product look among those of the reactants.

    Args:
        read: as for `fill_in`.
        layer: the one layer that is used several times; its `attention` is watched.
        file, reaction: as for `hide_each`.
        number: which use of the layer, from 1.
        head: which head, from 1; `None` for the mean of all heads of all uses.

    Returns:
        `(product, reactants, weights)`: labels of the atoms, and `(product, reactants)` of which each row sums to 1.
    """
    tokens = file.tokens(reaction)
    arrow = tokens.index(">>")
    atoms = [place for place, token in enumerate(tokens) if is_atom(token)]
    before, behind = ([place for place in atoms if (place > arrow) == after] for after in (False, True))
    with measuring.recorded([layer.attention]) as recorded:
        read(file.numbers(tokens))
    weights = np.stack([ops.convert_to_numpy(each)[0] for each in recorded[0]])  # (use, head, length, length)
    chosen = weights.mean(axis=(0, 1)) if head is None else weights[number - 1, head - 1]
    part = chosen[np.ix_(behind, before)]
    return (
        [tokens[place] for place in behind],
        [tokens[place] for place in before],
        part / part.sum(axis=-1, keepdims=True),
    )


def same_element(product, reactants, weights):
    """How many atoms of the product look most at an atom of their own element."""
    chosen = weights.argmax(axis=-1)
    return sum(
        reactants[place].lower() == token.lower() for token, place in zip(product, chosen, strict=True)
    )
