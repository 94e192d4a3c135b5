"""WordPiece: frequent words stay whole, rare ones fall into pieces, and nothing is ever unknown but strange signs.

    pieces = WordPiece.train(texts, 3_000)
    pieces.encode("Returns the eigenvalues.")     # numbers
    pieces.cut("Returns the eigenvalues.")        # ['returns', 'the', 'eigenvalues', '.'], perhaps with '##' pieces

Texts are cut as the uncased English BERT cuts them: small letters, no accents, each punctuation mark by itself. A piece
that goes on a word has `##` in front. Also reads published vocabularies, one piece a line.
"""

import heapq
import unicodedata
from collections import Counter, defaultdict

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
LONGEST_WORD = 100  # letters; what is longer is unknown, as in BERT


class _Separated(dict):
    """For `str.translate`: marks and Chinese characters stand alone, accents and control characters go."""

    def __missing__(self, code):
        character, kind = chr(code), unicodedata.category(chr(code))
        if character in "\t\n\r" or kind == "Zs":
            found = " "
        elif kind == "Mn" or kind.startswith("C"):
            found = ""
        # BERT takes every ASCII sign for punctuation, whatever Unicode says.
        elif (
            kind.startswith("P")
            or (code < 128 and not character.isalnum())
            or (0x3400 <= code <= 0x9FFF or 0xF900 <= code <= 0xFAFF or 0x20000 <= code <= 0x2FA1F)
        ):
            found = f" {character} "
        else:
            found = character
        self[code] = found
        return found


_SEPARATED = _Separated()


def words(text):
    """Words and marks of a text, in small letters without accents."""
    return unicodedata.normalize("NFD", text.lower()).translate(_SEPARATED).split()


class WordPiece:
    """A vocabulary of pieces; the number of a piece is its place.

    Args:
        pieces: the pieces, the five special ones of `SPECIAL` among them.

    Attributes:
        pieces: the same, as a tuple.
        pad, unknown, cls, sep, mask: numbers of the special ones.
    """

    def __init__(self, pieces):
        self.pieces = tuple(pieces)
        self.numbers = {piece: number for number, piece in enumerate(self.pieces)}
        self.pad, self.unknown, self.cls, self.sep, self.mask = (self.numbers[piece] for piece in SPECIAL)
        self._known = {}

    def __len__(self):
        return len(self.pieces)

    @classmethod
    def read(cls, path):
        """The vocabulary of a file with one piece a line, such as the `vocab.txt` of a published model."""
        with open(path, encoding="utf-8") as file:
            return cls(line.rstrip("\n") for line in file)

    @classmethod
    def train(cls, texts, size):
        """Learn pieces: begin with letters, and join the most frequent pair of neighbours again and again.

        Args:
            texts: `str`s.
            size: how many pieces at most, the special ones among them.
        """
        counts = Counter(word for text in texts for word in words(text))
        # Sorted, so that the result does not depend on the order of the texts; in half a million words, a letter that
        # comes fewer than five times is a slip.
        known = sorted(counts.items())
        letters = Counter()
        for word, count in known:
            letters.update({piece: count for piece in set(_letters(word))})
        alphabet = sorted(letter for letter, count in letters.items() if count >= 5)
        known = [(_letters(word), count) for word, count in known]
        known = [(cut, count) for cut, count in known if set(cut) <= set(alphabet)]
        pieces = [*SPECIAL, *alphabet]
        pieces += _joined(known, size - len(pieces))
        return cls(pieces)

    def cut(self, text):
        """A text as a list of pieces."""
        return [self.pieces[number] for number in self.encode(text)]

    def encode(self, text):
        """A text as a list of numbers, without `[CLS]` and `[SEP]`. A word `[MASK]` stands for the special piece."""
        found = []
        for number, part in enumerate(text.split("[MASK]")):
            if number:
                found.append(self.mask)
            for word in words(part):
                if word not in self._known:
                    self._known[word] = self._cut_word(word)
                found += self._known[word]
        return found

    def decode(self, numbers):
        """Numbers as a text again: small letters, a space before every mark, no padding."""
        shown = (self.pieces[int(number)] for number in numbers)
        return " ".join(piece for piece in shown if piece != "[PAD]").replace(" ##", "")

    def _cut_word(self, word):
        """The longest piece that fits, then the longest that goes on, until the word is used up."""
        found, start = [], 0
        if len(word) > LONGEST_WORD:
            return [self.unknown]
        while start < len(word):
            for end in range(len(word), start, -1):
                piece = ("##" if start else "") + word[start:end]
                if piece in self.numbers:
                    found.append(self.numbers[piece])
                    start = end
                    break
            else:
                return [self.unknown]
        return found


def _letters(word):
    return [word[0], *(f"##{letter}" for letter in word[1:])]


def _joined(words, count):
    """The pieces that `count` joinings make of words, given as `(list of pieces, how often)`; changes the lists."""
    pairs, places = Counter(), defaultdict(set)
    for number, (cut, often) in enumerate(words):
        for pair in zip(cut, cut[1:], strict=False):
            pairs[pair] += often
            places[pair].add(number)
    # Counts in the heap may be out of date; the true ones are in `pairs`.
    heap = [(-often, pair) for pair, often in pairs.items()]
    heapq.heapify(heap)
    made = []
    while heap and len(made) < count:
        often, pair = heapq.heappop(heap)
        if pairs[pair] != -often:
            if pairs[pair]:
                heapq.heappush(heap, (-pairs[pair], pair))
            continue
        new = pair[0] + pair[1].removeprefix("##")
        made.append(new)
        changed = set()
        for number in places.pop(pair):
            cut, times = words[number]
            for old in zip(cut, cut[1:], strict=False):
                pairs[old] -= times
                changed.add(old)
            place = 0
            while place < len(cut) - 1:
                if (cut[place], cut[place + 1]) == pair:
                    cut[place : place + 2] = [new]
                place += 1
            for fresh in zip(cut, cut[1:], strict=False):
                pairs[fresh] += times
                places[fresh].add(number)
                changed.add(fresh)
        for each in changed:
            if pairs[each] > 0:
                heapq.heappush(heap, (-pairs[each], each))
    return list(dict.fromkeys(made))
