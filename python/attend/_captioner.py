"""Captioner and Seen: the handles of attend._native with Python's manners."""

from __future__ import annotations

import copy
import itertools
import json
import logging
import os
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Union

import numpy as np

from . import _native
from ._pictures import as_picture, is_picture

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ._native import Caption, Given
    from ._options import DrawOptions, Options
    from ._pictures import Item

    ModelFile = Union[str, os.PathLike[str], bytes]

_logger = logging.getLogger("attend")


def _log(warning: bool, message: str) -> None:
    _logger.log(logging.WARNING if warning else logging.INFO, "%s", message)


def _set(target: Any, values: dict[str, Any]) -> None:
    """Sets attributes that `target` has; TypeError for others and for values of another type."""
    for name, value in values.items():
        if not isinstance(getattr(type(target), name, None), property):
            known = ", ".join(key for key, member in vars(type(target)).items() if isinstance(member, property))
            raise TypeError(f"no option {name!r}; there are {known}")
        try:
            setattr(target, name, value)
        except TypeError:
            raise TypeError(f"{name}: {value!r} is {type(value).__name__}, not {type(getattr(target, name)).__name__}") from None


class Captioner:
    """A model, or several that say each word together, and how they caption.

    Several threads may use one at once. A call computes on all processors by itself, without Python's lock: one call with many
    pictures is faster than many calls with one.
    """

    def __init__(
        self,
        model: ModelFile | Sequence[ModelFile] | None = None,
        *,
        precision: str | None = None,
        device: str | None = None,
        input_size: int = 0,
        **options: Unpack[Options],
    ) -> None:
        """Opens a model.

        model: a path, or the bytes of a model file; a list of either is an ensemble: its models have the same vocabulary, and a
            word's probability is the mean of theirs. None: the model that comes with attend, or the one that the environment
            variable ATTEND_MODEL names.
        precision: "fp32", "bf16" or "int8", arithmetic where the processor has it; None: as the model says.
        device: "auto" (a CUDA card if there is one), "cpu" or "cuda"; None: "auto".
        input_size: side of the square that pictures are brought to, 32 to 4096 pixels; 0: as the model says.
        options: how pictures are captioned; what isn't given is as the model itself decodes best:
            beam_width: captions kept alive at each word, 1 to 1000; 1 is greedy.
            n_best: captions of each picture, 1 to beam_width.
            length_exponent: captions are ranked by log-probability / length^exponent, 0 to 5; larger favours longer ones.
            frequency_exponent: a word's probability is divided by its frequency^exponent, 0 to 2; larger favours rarer words.
            temperature: of the distribution over the next word, 0.01 to 10; below 1 likely words gain.
            min_length, max_length: words of a caption, 0 to 1000 and 1 to 1000.
            repetition_penalty: off a word's log-probability for each time that the caption has said a form of it, 0 to 100.
            no_repeat_ngram: n-grams of so many words are said once at most, up to 100; 0: any may repeat.
            locations: where hard attention looks: "expected", "argmax" or "sampled".
            threads: 1 to 4096; 0: as many as this process may use.
            batch_size: pictures that a thread computes together, 1 to 4096; more take more memory.
            beam_groups: the beam falls into as many groups that say different words, so that the n_best captions differ; a divisor
                of beam_width, with diversity above 0 and n_best above 1. 1: they are the likeliest.
            diversity: off a word's log-probability for each beam of an earlier group that says it now, 0 to 100.
            must, must_not: lists of words and phrases that every caption says, and that none says: a word in any of its forms,
                "=word" in this one.

        InputError for a file that can't be read or is no model, and for models that don't go together.
        """
        alone = model is None or isinstance(model, (str, bytes, os.PathLike))
        files: list[Any] = [] if model is None else [model] if alone else list(model)  # type: ignore[arg-type]
        if model is not None and not files:
            raise ValueError("model: an empty list names no model")
        in_memory = any(isinstance(file, bytes) for file in files)
        if in_memory and not all(isinstance(file, bytes) for file in files):
            raise TypeError("model: give paths or the bytes of files, not both")
        if not in_memory:
            files = [os.fsencode(file) for file in files]
        self._model = _native.Model(files, in_memory=in_memory, precision=precision, device=device, input_size=input_size)
        self._options = self._model.options()
        _set(self._options, dict(options))
        self._check(self._options)

    @property
    def about(self) -> dict[str, Any]:
        """What the (first) model's file says of itself: name, licence, training, figures."""
        about: dict[str, Any] = json.loads(self._model.about())
        return about

    @property
    def grid(self) -> tuple[int, int]:
        """The grid that attention is a map over: rows and columns."""
        return self._model.grid()

    def caption(self, items: Iterable[Item], *, chunk_size: int | None = None, **options: Unpack[Options]) -> Iterator[Seen]:
        """Captions pictures and yields what was seen in each, in their order.

        items: paths, the bytes of files (JPEG, PNG, GIF, WebP, TIFF, BMP, …), numpy arrays (uint8 [height, width, 3], RGB), images
            of Pillow's, or a mixture; a list, an iterator, or an array [N, height, width, 3].
        chunk_size: pictures that are taken from `items` and computed before the first of them is yielded; None: enough to keep
            every thread busy. Small ones give results sooner, large ones more of them in a second.
        options: as in Captioner(), for this call only.

        A picture that can't be read is yielded too, with its `error`: one bad file doesn't stop the others. TypeError for what can't
        be a picture; what `items` itself raises comes after the results of what it gave before. Ctrl-C stops the work at the next
        batch.
        """
        if is_picture(items):
            raise TypeError("items is one picture: give a list of them, or call captioner(picture)")
        chosen, chunk_size = self._choose(dict(options), chunk_size)
        return self._seen(iter(items), chosen, chunk_size)

    def __call__(self, item: Item, **options: Unpack[Options]) -> Seen:
        """What is seen in one picture. InputError where it can't be read."""
        (seen,) = self.caption([item], **options)
        if seen.error is not None:
            raise _native.InputError(seen.error)
        return seen

    def score(
        self,
        items: Iterable[Item],
        captions: Iterable[str | Sequence[str]],
        *,
        chunk_size: int | None = None,
        **options: Unpack[Options],
    ) -> Iterator[Seen]:
        """Leads the model along captions that are given to pictures, and yields how likely it finds them and where it looks.

        items: pictures, as caption() takes them.
        captions: of each picture one text, or a list of them.
        chunk_size, options: as in caption(); of the options, those of a search don't count.

        A Seen's `captions` are those that could be scored, in their order; its `given` says of each caption that was given what
        became of it. Words that the model doesn't know are left out as if they weren't there, and named in `unknown`. ValueError
        where there are more pictures than captions, or more captions than pictures.
        """
        if is_picture(items):
            raise TypeError("items is one picture: give a list of them")
        if isinstance(captions, str):
            raise TypeError("captions is one text: give a list of a text, or of a list of texts, for each picture")
        chosen, chunk_size = self._choose(dict(options), chunk_size)
        return self._seen(iter(items), chosen, chunk_size, iter(captions))

    def _choose(self, options: dict[str, Any], chunk_size: int | None) -> tuple[_native.Options, int]:
        chosen = copy.copy(self._options)
        _set(chosen, options)
        self._check(chosen)
        if chunk_size is None:
            chunk_size = 4 * chosen.batch_size * (chosen.threads or _processors())
        if chunk_size < 1:
            raise ValueError(f"chunk_size: {chunk_size} is not at least 1")
        return chosen, chunk_size

    def _seen(
        self,
        items: Iterator[Item],
        options: _native.Options,
        chunk_size: int,
        captions: Iterator[str | Sequence[str]] | None = None,
    ) -> Iterator[Seen]:
        failure: Exception | None = None
        first = 0
        while failure is None:
            chunk: list[Item] = []
            pictures: list[_native.Picture] = []
            given: list[list[str]] = []
            try:
                for item in itertools.islice(items, chunk_size):
                    if captions is not None:
                        given.append(_texts(captions, first + len(chunk) + 1))
                    pictures.append(as_picture(item, f"picture {first + len(chunk) + 1}"))
                    chunk.append(item)
            except Exception as error:
                failure = error  # raised once the pictures before it have been captioned
            if not chunk:
                break
            if captions is None:
                for seen in self._model.caption(pictures, options, _log):
                    yield Seen(seen, first + seen.index, chunk[seen.index])
            else:
                for seen in self._model.score(pictures, given[: len(pictures)], options, _log):
                    yield Seen(seen, first + seen.index, chunk[seen.index], len(given[seen.index]))
            first += len(chunk)
        if failure is None and captions is not None and next(captions, None) is not None:
            failure = ValueError(f"there are captions of more than {first} pictures")
        if failure is not None:
            raise failure

    def _check(self, options: _native.Options) -> None:
        """ValueError for options that can't be, at once rather than with the first picture."""
        self._model.caption([], options, _log)


def _texts(captions: Iterator[str | Sequence[str]], number: int) -> list[str]:
    """The captions of the next picture."""
    texts = next(captions, None)
    if texts is None:
        raise ValueError(f"picture {number} has no captions: give as many as pictures")
    return [texts] if isinstance(texts, str) else list(texts)


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Seen:
    """What a model saw in one picture.

    name: a file's path; "picture 3" of bytes and pixels.
    index: its place in `items`, from 0.
    error: why it has no captions, one line that begins with its name; None: it has some.
    size: width and height in pixels, upright (EXIF orientation undone); (0, 0) where it couldn't be read.
    area: x, y, width, height in pixels of the rectangle that the grid of attention lies over; may reach beyond the picture.
    familiar: whether it is like the pictures that the model learnt from; None: not known.
    captions: the best first; none where there is an error.
    given: of score(): what became of each caption that was given, of which `captions` are those that could be scored: its `error`
        or its `place` among them, `perplexity`, `unknown` words, `rank`, `likeliest`.
    picture: what was captioned, kept for overlay(); set it to None to let go of its memory.

    caption, words, log_probability, confidence and attention are those of the best caption, and an InputError with `error` as its
    message where there is none.
    """

    __slots__ = ("_seen", "area", "captions", "error", "familiar", "given", "index", "name", "picture", "size")

    def __init__(self, seen: _native.Seen, index: int, picture: Item, given: int = 0) -> None:
        self._seen = seen
        self.name: str = seen.name
        self.index = index
        self.error: str | None = seen.refusal
        self.size: tuple[int, int] = seen.size
        self.area: tuple[float, float, float, float] = seen.area
        self.familiar: bool | None = seen.familiar
        self.captions: tuple[Caption, ...] = tuple(seen.caption(i) for i in range(seen.caption_count))
        self.given: tuple[Given, ...] = () if self.error is not None else tuple(seen.given(i) for i in range(given))
        self.picture: Item | None = picture

    @property
    def best(self) -> Caption:
        """The best caption."""
        if self.error is not None:
            raise _native.InputError(self.error)
        if not self.captions:
            raise _native.InputError(self.given[0].error if self.given else f"{self.name}: no captions")
        return self.captions[0]

    @property
    def caption(self) -> str:
        """The best caption as a sentence."""
        return self.best.text

    @property
    def words(self) -> list[str]:
        """The T words of the best caption."""
        return self.best.words

    @property
    def log_probability(self) -> float:
        """Natural logarithm of the best caption's probability, as the search weighed it."""
        return self.best.log_probability

    @property
    def confidence(self) -> float | None:
        """Probability that the best caption is among the better half of its model's captions; None: not known."""
        return self.best.confidence

    @property
    def attention(self) -> np.ndarray:
        """Where the model looked for each word of the best caption: float32 [T, rows, columns], each map's sum 1. Read only."""
        return self.best.attention

    def overlay(
        self, word: int | None = None, *, caption: int = 0, picture: Item | None = None, **style: Unpack[DrawOptions]
    ) -> np.ndarray:
        """Draws where the model looked: uint8 [height, width, 3], RGB.

        word: None: a page of the best caption: the picture, then a tile a word, and the caption above. A number from 0: that word's
            attention over the picture at its size, below a line with the word; small ones are enlarged.
        caption: whose word, 0 for the best.
        picture: what to draw on, in any resolution of the same shape; None: what was captioned.
        style: "glow" (white light on a darkened picture), "heat" (colours), "contour" (lines) or "spotlight", and
            tile: longer side of a tile on a page, 64 to 2048 pixels.
            columns: tiles in a row of a page, 1 to 50.
            darken: light taken from where the word doesn't look, 0 to 1 (glow, spotlight).
            glow: white laid over where it looks most, 0 to 1 (glow).
            alpha: opacity of the colours, 0 to 1 (heat, contour).
            smoothing: standard deviation of the smoothing, 0 to 10 cells; 0 shows the bare cells.
            font_scale: of words and captions, of their usual size, 0.25 to 4.

        InputError where the picture can't be read (again), ValueError where there is no such caption or word.
        """
        return self._draw(word, caption, picture, dict(style)).pixels()

    def save_overlay(
        self,
        path: str | os.PathLike[str],
        word: int | None = None,
        *,
        caption: int = 0,
        picture: Item | None = None,
        **style: Unpack[DrawOptions],
    ) -> None:
        """Writes what overlay() draws, as the path says: .png, .jpg, .jpeg or .webp; whole or not at all.

        The file says that attend drew it, so that `attend caption` passes it over in a folder of pictures.
        """
        self._draw(word, caption, picture, dict(style)).write(os.fsencode(path))

    def json(self) -> Any:
        """All of it, as `attend caption --format jsonl` writes it; of score(), a list of what `attend score --format jsonl` writes of
        each caption. InputError where there is an error."""
        if self.error is not None:
            raise _native.InputError(self.error)
        return json.loads(self._seen.json())

    def _draw(self, word: int | None, caption: int, picture: Item | None, style: dict[str, Any]) -> _native.Image:
        if self.error is not None:
            raise _native.InputError(self.error)
        on = self.picture if picture is None else picture
        if on is None:
            raise ValueError(f"{self.name}: give the picture to draw on")
        drawn_as = _native.Style()
        _set(drawn_as, style)
        if word is None:
            if caption != 0:
                raise ValueError("a page is of the best caption; give a word to draw another's")
            return self._seen.page(as_picture(on, self.name), drawn_as)
        if caption < 0 or word < 0:
            raise ValueError("captions and words are counted from 0")
        return self._seen.word(caption, word, as_picture(on, self.name), drawn_as)

    def __repr__(self) -> str:
        if self.error is not None:
            said = f"error={self.error!r}"
        else:
            said = f"caption={self.caption!r}" if self.captions else "no caption could be scored"
        return f"<attend.Seen {self.name!r} {said}>"
