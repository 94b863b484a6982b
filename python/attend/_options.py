"""Names and types of options, for type checkers only; what each means stands in Captioner() and Seen.overlay()."""

from __future__ import annotations

from typing import Literal, TypedDict


class Options(TypedDict, total=False):
    beam_width: int
    n_best: int
    length_exponent: float
    frequency_exponent: float
    temperature: float
    min_length: int
    max_length: int
    repetition_penalty: float
    no_repeat_ngram: int
    locations: Literal["expected", "argmax", "sampled"]
    threads: int
    batch_size: int
    beam_groups: int
    diversity: float
    must: list[str]
    must_not: list[str]


class DrawOptions(TypedDict, total=False):
    style: Literal["glow", "heat", "contour", "spotlight"]
    tile: int
    columns: int
    darken: float
    glow: float
    alpha: float
    smoothing: float
    font_scale: float
