"""Boosted trees asked for many rows at a time: what each value leaves within reach.

A row reaches the one leaf of a tree that none of its values rules out. For each column there is a table that tells, for
every place a value may have among the cuts of all trees, which leaves of each tree are still within reach, a bit for
each leaf; what a row's values leave is joined by "and". So no tree is walked node by node, and a processor that takes
many numbers at a time takes many trees at a time. The method is that of QuickScorer (Lucchese and others 2015, SIGIR),
with a table for each column in place of a list of its nodes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
# So many that the bits of a block and the table of a column stay in a processor's own memory. On made-up tables of 13
# columns, 512 rows took a third longer for each row and tree (12.6 ns in place of 9.6, on a busy machine).
TREES, ROWS = 256, 128
BY_LEVEL, TO_THE_LEFT, MISSING_IS_ZERO, MISSING_IS_NAN = 1, 2, 4, 8  # bits of LightGBM's decision types


# To read the trees takes as long as LightGBM takes to predict some thousand rows, and to ask them then less;
# fewer at a time than `SOME_ROWS` are LightGBM's, whose answer to a row alone is the quicker one.
WORTH_READING, SOME_ROWS = 2_000, 100
CAN_COUNT_BITS = hasattr(np, "bitwise_count")  # from numpy 2.0 on


class BoosterReader:
    """Gives a booster's raw scores: by LightGBM, or by trees that are read when so many rows were asked for.

    Parameters
    ----------
    rounds
        How many of its rounds predict.
    text
        Those as LightGBM writes them, if they are at hand.
    """

    def __init__(self, booster: lgb.Booster, rounds: int, text: str = "") -> None:
        self.booster, self.rounds, self.text = booster, rounds, text
        self.asked = 0
        self.reach: BoostedReach | None = None
        self.readable = CAN_COUNT_BITS

    def raw(self, matrix: Array) -> Array:
        """Give values, or log odds, shape (n_rows, n_outputs): the same to the last bit whoever adds them up."""
        if len(matrix) >= SOME_ROWS:
            self._read_for(len(matrix))
            if self.reach is not None:
                return self.reach.raw(matrix)
        # One thread: to gather more takes longer than a few rows, and of many other models predict beside this one.
        raw = self.booster.predict(matrix, raw_score=True, num_iteration=self.rounds, num_threads=1)
        return np.asarray(raw).reshape(len(matrix), -1)

    def _read_for(self, rows: int) -> None:
        """Read the trees once that is worth it."""
        self.asked += rows
        if self.reach is None and self.readable and self.asked >= WORTH_READING:
            try:
                self.reach = BoostedReach(self.text or self.booster.model_to_string(num_iteration=self.rounds))
            except ValueError:  # trees of a kind that only LightGBM knows to ask
                self.readable = False
            self.text = ""


class BoostedReach:
    """The trees of a model of LightGBM, ready to be asked; no model file holds one.

    Parameters
    ----------
    text
        The model as LightGBM writes it.

    Raises
    ------
    ValueError
        If there are trees of a kind that ours never are: zeros stand for missing values, or leaves are linear.
    """

    def __init__(self, text: str) -> None:
        head, *sections = text.partition("\nend of trees")[0].split("\nTree=")
        trees = [_fields(section) for section in sections]
        if any(tree.get("is_linear", "0") != "0" for tree in trees):
            raise ValueError("There are trees with linear leaves")
        self.outputs = int(_fields(head)["num_tree_per_iteration"])
        leaves = np.array([int(tree["num_leaves"]) for tree in trees])
        # A tree of more leaves than a word has bits takes several words, and a row reaches a leaf of one of them.
        self.bits = 32 if leaves.max() <= 32 else 64
        words = -(-leaves // self.bits)
        self.output = np.repeat(np.arange(len(trees)) % self.outputs, words)
        self.there, self.values = self._leaves(trees, leaves, words)
        self.columns = self._columns(trees, leaves, words)

    def raw(self, matrix: Array) -> Array:
        """Add up the leaves that rows reach in each output's trees, one after the other as LightGBM does.

        Returns
        -------
        ndarray, shape (n_rows, n_outputs)
            LightGBM's raw score, to the last bit.
        """
        total = np.zeros((len(matrix), self.outputs))
        places = {number: column.places(matrix[:, number]) for number, column in self.columns.items()}
        for output, words in self._shares():
            tables = [(places[number], table) for number, table in self._tables(words)]
            values, starts = self.values[words].ravel(), np.arange(len(words)) * (self.bits + 1)
            for first in range(0, len(matrix), ROWS):
                block = slice(first, first + ROWS)
                before = total[block, output]
                said = values.take(starts + _reached(tables, block, np.tile(self.there[words], (len(before), 1))))
                said[:, 0] += before
                total[block, output] = np.add.accumulate(said, axis=1, out=said)[:, -1]
        return total

    def _shares(self) -> Iterator[tuple[int, Array]]:
        """Share out the words of each output, in their order."""
        for output in range(self.outputs):
            words = np.flatnonzero(self.output == output)
            for first in range(0, len(words), TREES):
                yield output, words[first : first + TREES]

    def _tables(self, words: Array) -> Iterator[tuple[int, Array]]:
        """Give for each column what its places leave within reach, shape (n_places, n_words).

        They are made for each call: that takes little beside some thousand rows, and to keep them would take much room.
        """
        at = np.full(len(self.output), -1)
        at[words] = np.arange(len(words))
        for number, column in self.columns.items():
            asked = at[column.word] >= 0
            if asked.any():
                yield number, column.table(asked, at[column.word[asked]], len(words))

    def _leaves(self, trees: list[dict[str, str]], leaves: Array, words: Array) -> tuple[Array, Array]:
        """Give which bits of each word are leaves, and what each says; at the end 0, for rows that reach none of it."""
        number = _counted(leaves)
        word, bit = np.repeat(np.cumsum(words) - words, leaves) + number // self.bits, number % self.bits
        values = np.zeros((len(self.output), self.bits + 1))
        values[word, bit] = _joined(trees, "leaf_value")
        last = np.bincount(word).astype(np.uint64) - np.uint64(1)
        there = (np.uint64(2) << last) - np.uint64(1)  # of 64 leaves: 2 to the 64th is 0, and before it are all bits
        return there.astype(f"uint{self.bits}"), values

    def _columns(self, trees: list[dict[str, str]], leaves: Array, words: Array) -> dict[int, _Cuts | _Levels]:
        """Read the nodes of all trees, each as often as its tree has words, and put them to the columns they ask."""
        kind = _joined(trees, "decision_type").astype(np.int64)
        if (kind & MISSING_IS_ZERO).any():
            raise ValueError("There are trees that take zeros for missing values")
        tree = np.repeat(np.arange(len(trees)), leaves - 1)
        node, part = np.repeat(np.arange(len(tree)), words[tree]), _counted(words[tree])
        word = (np.cumsum(words) - words)[tree[node]] + part
        goes = [~side[node, part].astype(f"uint{self.bits}") for side in _sides(trees, leaves, self.bits)]
        threshold, column = _joined(trees, "threshold"), _joined(trees, "split_feature").astype(np.int64)[node]
        of_level = _sets(trees, tree, threshold, kind)
        found: dict[int, _Cuts | _Levels] = {}
        for number in np.unique(column).tolist():
            mine = np.flatnonzero(column == number)
            nodes, right, left = node[mine], goes[0][mine], goes[1][mine]
            if kind[nodes[0]] & BY_LEVEL:
                found[number] = _Levels(word[mine], right, left, [of_level[one] for one in nodes.tolist()])
            else:
                found[number] = _Cuts(word[mine], right, left, threshold[nodes], kind[nodes])
        return found


class _Cuts:
    """What is asked of a column of numbers: of each node its word, and what is within reach to the right and left."""

    def __init__(self, word: Array, right: Array, left: Array, threshold: Array, kind: Array) -> None:
        self.word, self.right, self.left = word, right, left
        self.cuts = np.unique(threshold)
        self.place = np.searchsorted(self.cuts, threshold)
        # Where training saw no gap, one is a zero to LightGBM.
        gap_is_left = np.where(kind & MISSING_IS_NAN, kind & TO_THE_LEFT, threshold >= 0.0)
        self.gap = np.where(gap_is_left, left, right)

    def places(self, values: Array) -> Array:
        """Count the cuts that each value lies beyond; a gap is in the last place."""
        found = np.searchsorted(self.cuts, values)
        found[np.isnan(values)] = len(self.cuts) + 1
        return found

    def table(self, asked: Array, at: Array, words: int) -> Array:
        """Tell what each place leaves of some words, shape (n_places, n_words)."""
        right, left = np.full((2, len(self.cuts) + 2, words), np.iinfo(self.left.dtype).max, dtype=self.left.dtype)
        place, last = self.place[asked], len(self.cuts) + 1
        np.bitwise_and.at(right.reshape(-1), (place + 1) * words + at, self.right[asked])
        np.bitwise_and.at(left.reshape(-1), place * words + at, self.left[asked])
        np.bitwise_and.accumulate(right[:last], axis=0, out=right[:last])
        np.bitwise_and.accumulate(left[last - 1 :: -1], axis=0, out=left[last - 1 :: -1])
        np.bitwise_and.at(left[last], at, self.gap[asked])
        left[:last] &= right[:last]
        return left


class _Levels:
    """What is asked of a column of levels: of each node its word, what is within reach, and which levels go left."""

    def __init__(self, word: Array, right: Array, left: Array, sets: list[Array]) -> None:
        self.word, self.right, self.left = word, right, left
        self.sets = np.zeros((len(sets), max(map(len, sets)) + 1), dtype=bool)  # the last is for all others, and gaps
        for row, levels in zip(self.sets, sets, strict=True):
            row[: len(levels)] = levels

    def places(self, values: Array) -> Array:
        """Give the level of each value; a gap and what no tree knows are in the last place."""
        last = self.sets.shape[1] - 1
        return np.where((values >= 0) & (values < last), values, last).astype(np.intp)

    def table(self, asked: Array, at: Array, words: int) -> Array:
        """Tell what each level leaves of some words, shape (n_levels, n_words)."""
        levels = self.sets.shape[1]
        made = np.full((levels, words), np.iinfo(self.left.dtype).max, dtype=self.left.dtype)
        goes = np.where(self.sets[asked], self.left[asked][:, None], self.right[asked][:, None])
        np.bitwise_and.at(made.reshape(-1), (np.arange(levels) * words + at[:, None]).ravel(), goes.ravel())
        return made


def _reached(tables: list[tuple[Array, Array]], block: slice, left: Array) -> Array:
    """Give the number of the leaf that each row reaches, shape (n_rows, n_words); where none is, that of all bits."""
    more = np.empty_like(left)
    for places, table in tables:
        left &= table.take(places[block], axis=0, out=more, mode="clip")
    # One bit is left, and below it there are as many as its number; or none is, and below that are all.
    left -= left.dtype.type(1)
    return np.asarray(np.bitwise_count(left))


def _sides(trees: list[dict[str, str]], leaves: Array, bits: int) -> tuple[Array, Array]:
    """Find which leaves are to the left and to the right of each node, as bits, shape (n_nodes, n_words)."""
    number, first = _counted(leaves - 1), np.repeat(np.cumsum(leaves - 1) - (leaves - 1), leaves - 1)
    children = [_joined(trees, name).astype(np.int64) for name in ("left_child", "right_child")]
    if any(((child >= 0) & (child <= number)).any() for child in children):
        raise ValueError("There are nodes that come before their parents")
    left, right, both = np.zeros((3, len(number), -(-int(leaves.max()) // bits)), dtype=np.uint64)
    for side, child in zip((left, right), children, strict=True):
        end = np.flatnonzero(child < 0)
        side[end, ~child[end] // bits] = np.uint64(1) << (~child[end] % bits).astype(np.uint64)
    order = np.argsort(number, kind="stable")
    for nodes in reversed(
        np.split(order, np.cumsum(np.bincount(number))[:-1])
    ):  # those that come last have leaves only
        for side, child in zip((left, right), children, strict=True):
            inner = nodes[child[nodes] >= 0]
            side[inner] = both[first[inner] + child[inner]]
        both[nodes] = left[nodes] | right[nodes]
    return left, right


def _sets(trees: list[dict[str, str]], tree: Array, threshold: Array, kind: Array) -> dict[int, Array]:
    """Read which levels go left at each node that asks for levels."""
    found: dict[int, Array] = {}
    read: dict[int, tuple[Array, Array]] = {}
    for node in np.flatnonzero(kind & BY_LEVEL).tolist():
        of = int(tree[node])
        if of not in read:
            fields = trees[of]
            read[of] = _numbers(fields["cat_boundaries"], np.int64), _numbers(fields["cat_threshold"], np.uint32)
        ends, sets = read[of]
        which = int(threshold[node])
        found[node] = np.unpackbits(sets[ends[which] : ends[which + 1]].astype("<u4").view(np.uint8), bitorder="little")
    return found


def _fields(section: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in section.splitlines() if "=" in line)


def _joined(trees: list[dict[str, str]], name: str) -> Array:
    """Read one field of all trees; a tree of one leaf has no nodes."""
    told = (tree.get(name, "") for tree in trees if name == "leaf_value" or tree["num_leaves"] != "1")
    return _numbers(" ".join(told), np.float64)


def _numbers(text: str, kind: Any) -> Array:
    return np.fromstring(text, dtype=np.float64, sep=" ").astype(kind)


def _counted(sizes: Array) -> Array:
    """Count from 0 on in each of several parts of these sizes."""
    return np.arange(int(sizes.sum())) - np.repeat(np.cumsum(sizes) - sizes, sizes)
