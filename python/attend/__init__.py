"""Captions for pictures, and where the model looked for every word.

>>> import attend
>>> captioner = attend.Captioner()
>>> for seen in captioner.caption(["photo.jpg", "other.png"]):
...     print(seen.error or f"{seen.name}: {seen.caption}")

Warnings go to the logger "attend". What can't be read is an InputError, an argument that can't be a ValueError or TypeError, and
whatever else fails an Error.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

from . import _native
from ._captioner import Captioner, Seen
from ._native import Caption, Error, Figures, Given, InputError

__all__ = ["Caption", "Captioner", "Error", "Figures", "Given", "InputError", "Seen", "evaluate", "tokenize"]
__version__ = _native.version()


def evaluate(
    captions: Iterable[str],
    references: Iterable[Iterable[str]],
    *,
    meteor_tables: str | os.PathLike[str] | None = None,
    threads: int = 0,
) -> tuple[Figures, list[Figures]]:
    """Figures of captions: of all together, and a list of those of each.

    captions: one of each picture; references: what people said of each, at least one text.
    meteor_tables: file that tools/fetch-meteor makes; None: the one beside attend, if any.
    threads: 0 for as many as this process may use.
    ValueError without captions, or for one without references.

    >>> corpus, each = attend.evaluate(["a cat sits"], [["a cat is sitting", "the cat sits down"]])
    >>> corpus.bleu[3], each[0].meteor
    """
    tables = None if meteor_tables is None else os.fsencode(meteor_tables)
    return _native.evaluate(list(captions), list(references), tables, threads)


def tokenize(line: str, *, keep_punctuation: bool = False) -> list[str]:
    """The lower-cased Penn Treebank tokens of a line that figures are computed from, as Stanford's PTBTokenizer makes them.

    Punctuation is dropped, as figures do, unless keep_punctuation.

    >>> attend.tokenize("A man's dog.")
    ['a', 'man', "'s", 'dog']
    """
    return _native.tokenize(line, keep_punctuation)
