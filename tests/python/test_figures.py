"""Figures of captions and their tokens."""

import json
import math

import pytest

import attend

CAPTIONS = ["a cat sits on a mat", "two dogs run through the snow", "the man's hat"]
REFERENCES = [
    ["A cat is sitting on the mat.", "the cat sat on a mat"],
    ["Two dogs are running in snow.", "dogs run through deep snow", "Two brown dogs play"],
    ["a man wears a hat"],
]


def test_figures_are_those_of_the_program(program, tmp_path):
    images = [{"id": i, "file_name": f"{i}.jpg"} for i in range(3)]
    texts = [(i, text) for i, of_one in enumerate(REFERENCES) for text in of_one]
    annotations = [{"id": k, "image_id": i, "caption": text} for k, (i, text) in enumerate(texts)]
    (tmp_path / "references.json").write_text(json.dumps({"images": images, "annotations": annotations}))
    results = [{"image_id": i, "caption": text} for i, text in enumerate(CAPTIONS)]
    (tmp_path / "results.json").write_text(json.dumps(results))
    told = json.loads(
        program("evaluate", "--captions", tmp_path / "references.json", "--candidates", tmp_path / "results.json", "--json")
    )
    corpus, each = attend.evaluate(CAPTIONS, REFERENCES)
    assert corpus.bleu == pytest.approx([told[f"bleu_{i}"] for i in range(1, 5)], abs=1e-9)
    for name in ("rouge_l", "cider", "cider_d"):
        assert getattr(corpus, name) == pytest.approx(told[name], abs=1e-9), name
    (meteor,) = (key for key in told if key.startswith("meteor"))  # without its tables the figure has another name
    if corpus.meteor_whole == (meteor == "meteor"):  # both have them, or neither
        assert corpus.meteor == pytest.approx(told[meteor], abs=1e-9)
    assert len(each) == 3


def test_figures_of_one_word_off():
    # 5 of 6 words, 4 of 5 pairs, 3 of 4 triples, 2 of 3 quadruples; no brevity penalty.
    corpus, (alone,) = attend.evaluate(["a cat sits on a mat"], [["a cat sits on a rug"]])
    assert corpus.bleu[0] == pytest.approx(5 / 6)
    assert corpus.bleu[1] == pytest.approx(math.sqrt(5 / 6 * 4 / 5))
    assert corpus.bleu[3] == pytest.approx((5 / 6 * 4 / 5 * 3 / 4 * 2 / 3) ** 0.25)
    assert corpus.rouge_l == pytest.approx(5 / 6)
    assert math.isnan(corpus.cider_d)
    assert alone.rouge_l == pytest.approx(5 / 6)
    assert "rouge_l=0.8333" in repr(corpus)


def test_candidates_may_be_any_iterables():
    given = attend.evaluate((text for text in CAPTIONS), (iter(of_one) for of_one in REFERENCES))[0]
    assert given.cider_d == attend.evaluate(CAPTIONS, REFERENCES)[0].cider_d


def test_candidates_that_cant_be_are_refused():
    with pytest.raises(ValueError):
        attend.evaluate([], [])
    with pytest.raises(ValueError):
        attend.evaluate(["a"], [[]])
    with pytest.raises(ValueError, match="2 captions, but references of 1"):
        attend.evaluate(["a", "b"], [["a"]])
    with pytest.raises(TypeError, match="list of texts, not one text"):
        attend.evaluate(["a"], ["a"])
    with pytest.raises(ValueError, match="null"):
        attend.evaluate(["a\0"], [["a"]])
    with pytest.raises(attend.InputError, match="nowhere"):
        attend.evaluate(["a"], [["a"]], meteor_tables="nowhere")


def test_tokens():
    assert attend.tokenize("A man's dog, isn't it?") == ["a", "man", "'s", "dog", "is", "n't", "it"]
    assert attend.tokenize("Dogs, cats.", keep_punctuation=True) == ["dogs", ",", "cats", "."]
    assert attend.tokenize("") == []
    assert attend.tokenize("Ein Café") == ["ein", "café"]
    with pytest.raises(ValueError, match="null"):
        attend.tokenize("a\0b")
    with pytest.raises(TypeError):
        attend.tokenize(3)


def test_tokens_are_those_of_the_program(program):
    line = 'The U.S.A.\'s "best" hot-dogs cost $5.50 (or so)...'
    assert program("tokenize", text=line + "\n").split() == attend.tokenize(line)
