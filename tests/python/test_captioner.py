"""Pictures in, what was seen in them out."""

import gc
import io
import itertools
import json
import logging
import os
import pathlib
import signal
import threading

import numpy as np
import pytest
from conftest import photo, ppm

import attend


def same(one, other):
    """The same caption with the same figures, but for rounding: pictures are computed in batches."""
    return (
        one.caption == other.caption
        and one.size == other.size
        and one.area == other.area
        and np.allclose(one.best.word_log_probability, other.best.word_log_probability, atol=1e-4)
        and np.allclose(one.attention, other.attention, atol=1e-4)
    )


def test_says_what_the_program_says(captioner, tiny_model, samples, program):
    lines = program("caption", "--model", tiny_model, "--precision", "fp32", "--format", "jsonl", *samples).splitlines()
    seen = list(captioner.caption(samples))
    assert [one.name for one in seen] == samples
    assert len(lines) == len(samples)
    for one, line in zip(seen, lines):
        told = json.loads(line)
        assert one.json().keys() == told.keys()
        assert told["caption"] == one.caption == one.json()["caption"]
        assert told["log_probability"] == pytest.approx(one.log_probability, abs=1e-3)
        assert [word["word"] for word in told["words"]] == one.words


def test_the_model_that_comes_with_attend_knows_a_cat(samples):
    (cat,) = (path for path in samples if path.endswith("chelsea.jpg"))
    captioner = attend.Captioner()
    seen = captioner(cat)
    assert "cat" in seen.words
    assert seen.caption.startswith("a cat")
    assert 0 < seen.confidence < 1
    assert isinstance(seen.familiar, bool)
    assert captioner.about


def test_every_kind_of_picture_is_seen_alike(captioner, tmp_path):
    pixels = photo(1)
    path = tmp_path / "photo.ppm"
    path.write_bytes(ppm(pixels))
    padded = np.zeros((64, 100, 3), np.uint8)
    padded[:, :96] = pixels
    kinds = [
        str(path),
        path,
        ppm(pixels),
        bytearray(ppm(pixels)),
        memoryview(ppm(pixels)),
        pixels,
        padded[:, :96],  # rows with gaps
        pixels[:, ::-1][:, ::-1],
        np.asfortranarray(pixels),
        pixels[..., ::-1].copy()[..., ::-1],
        np.frombuffer(pixels.tobytes(), np.uint8).reshape(pixels.shape),  # read only
    ]
    seen = list(captioner.caption(kinds))
    assert len(seen) == len(kinds)
    for i, one in enumerate(seen):
        assert one.error is None
        assert one.size == (96, 64)
        assert one.index == i
        assert same(one, seen[0]), i
    assert [one.name for one in seen[:3]] == [str(path), str(path), "picture 3"]
    other = captioner(pixels[:, ::-1])
    assert not np.allclose(other.attention, seen[0].attention, atol=1e-6)


def test_an_array_of_pictures_is_several(captioner):
    assert len(list(captioner.caption(np.stack([photo(1), photo(2)])))) == 2


def test_images_of_pillow_are_seen_as_their_files_are(captioner):
    image_module = pytest.importorskip("PIL.Image")
    image = image_module.fromarray(photo(2))

    def png(picture, **how):
        file = io.BytesIO()
        picture.save(file, "PNG", **how)
        return file.getvalue()

    transparent = image.convert("RGBA")
    transparent.putalpha(image.convert("L"))
    deep = image_module.fromarray(photo(2)[..., 0].astype(np.uint16) * 257)
    turned = image_module.Exif()
    turned[0x112] = 6  # a quarter to the right
    files = [png(image), png(transparent), png(image.convert("P")), png(image.convert("L")), png(deep), png(image, exif=turned)]
    as_files = captioner.caption(files)
    as_images = captioner.caption(image_module.open(io.BytesIO(file)) for file in files)
    for file, opened in itertools.zip_longest(as_files, as_images):
        assert file.error is None
        assert opened.error is None
        assert same(file, opened), file.index
    assert opened.size == (64, 96)


def test_a_picture_that_cant_be_read_is_told_and_stops_nothing(captioner, tmp_path):
    missing = tmp_path / "missing.jpg"
    seen = list(captioner.caption([photo(1), missing, b"no picture", photo(2)]))
    assert [one.error is None for one in seen] == [True, False, False, True]
    assert seen[1].error.startswith(str(missing))
    assert seen[2].error.startswith("picture 3")
    assert seen[1].captions == ()
    assert seen[1].name == str(missing)
    with pytest.raises(attend.InputError, match="missing.jpg"):
        seen[1].caption  # noqa: B018
    with pytest.raises(attend.InputError, match="missing.jpg"):
        seen[1].json()
    with pytest.raises(attend.InputError, match="missing.jpg"):
        seen[1].overlay()
    with pytest.raises(attend.InputError, match="missing.jpg"):
        captioner(missing)
    assert "missing.jpg" in repr(seen[1])


def test_names_of_any_bytes_come_back(captioner, tmp_path):
    path = os.fsencode(tmp_path) + b"/caf\xe9\n.ppm"
    pathlib.Path(os.fsdecode(path)).write_bytes(ppm(photo(1)))
    seen = captioner(os.fsdecode(path))
    assert os.fsencode(seen.name) == path
    assert seen.overlay(0).shape[2] == 3


def test_results_come_in_order_whatever_the_chunks(captioner):
    items = [photo(seed) for seed in range(7)]
    whole = list(captioner.caption(items))
    for chunk_size in (1, 2, 3, 100):
        parts = list(captioner.caption(iter(items), chunk_size=chunk_size))
        assert [one.index for one in parts] == list(range(7))
        assert [one.name for one in parts] == [f"picture {i + 1}" for i in range(7)]
        assert all(map(same, parts, whole))
    assert list(captioner.caption([])) == []


def test_an_iterator_is_taken_from_a_chunk_at_a_time(captioner):
    taken = 0

    def endless():
        nonlocal taken
        while True:
            taken += 1
            yield photo(taken)

    results = captioner.caption(endless(), chunk_size=2)
    assert taken == 0
    assert next(results).index == 0
    assert taken == 2
    assert [next(results).index, next(results).index] == [1, 2]
    assert taken == 4


def test_what_the_iterator_raises_comes_after_what_it_gave(captioner):
    def broken():
        yield photo(1)
        yield photo(2)
        raise OSError("the camera is gone")

    results = captioner.caption(broken(), chunk_size=10)
    assert next(results).index == 0
    assert next(results).index == 1
    with pytest.raises(OSError, match="the camera is gone"):
        next(results)


@pytest.mark.parametrize(
    ("item", "says"),
    [
        (3, "picture 1: int is no picture"),
        (None, "picture 1: NoneType is no picture"),
        (np.zeros((4, 4), np.uint8), r"picture 1: .*uint8 \[4, 4\]"),
        (np.zeros((4, 4, 4), np.uint8), r"picture 1: .*uint8 \[4, 4, 4\]"),
        (np.zeros((4, 4, 3), np.float32), r"picture 1: .*float32 \[4, 4, 3\]"),
    ],
)
def test_what_cant_be_a_picture_is_a_type_error(captioner, item, says):
    with pytest.raises(TypeError, match=says):
        list(captioner.caption([item]))


def test_arrays_without_pixels_are_refused(captioner):
    for shape in ((0, 4, 3), (4, 0, 3)):
        (seen,) = captioner.caption([np.zeros(shape, np.uint8)])
        assert seen.error.startswith("picture 1")


def test_one_picture_is_no_list_of_them(captioner, samples):
    for one in (samples[0], pathlib.Path(samples[0]), ppm(photo(1)), photo(1)):
        with pytest.raises(TypeError, match="items is one picture"):
            captioner.caption(one)


def test_attention_is_a_map_a_word_and_lives_by_itself(captioner, tiny_model):
    seen = attend.Captioner(tiny_model)(photo(3))
    attention, locations = seen.attention, seen.best.locations
    rows, columns = captioner.grid
    assert attention.shape == (len(seen.words), rows, columns)
    assert attention.dtype == np.float32
    kept = attention.copy()
    assert kept.sum(axis=(1, 2)) == pytest.approx(np.ones(len(seen.words)), abs=1e-4)
    assert (kept >= 0).all()
    del seen
    gc.collect()
    assert (attention == kept).all()
    assert (locations == -1).all()
    with pytest.raises(ValueError, match="read-only"):
        attention[0] = 0


def test_captions_figures_belong_together(captioner):
    seen = captioner(photo(4), n_best=3)
    assert len(seen.captions) == 3
    assert seen.best.text == seen.caption == seen.captions[0].text
    for caption in seen.captions:
        assert len(caption.word_log_probability) in (len(caption.words), len(caption.words) + 1)
        assert caption.word_log_probability.sum() == pytest.approx(caption.log_probability)
        assert caption.plain_word_log_probability.sum() == pytest.approx(caption.plain_log_probability)
        assert caption.confidence is None  # the model was never calibrated
    assert len({caption.text for caption in seen.captions}) == 3


def test_options_of_a_call_go_before_those_of_the_captioner(tiny_model):
    captioner = attend.Captioner(tiny_model, beam_width=4, n_best=4, min_length=3, max_length=3)
    assert len(captioner(photo(1)).captions) == 4
    assert len(captioner(photo(1), n_best=2).captions) == 2
    assert len(captioner(photo(1)).captions) == 4
    assert len(captioner(photo(1)).words) == 3
    assert len(captioner(photo(1), min_length=5, max_length=5).words) == 5


def test_captions_say_what_they_must_and_differ_where_asked(tiny_model):
    captioner = attend.Captioner(tiny_model, must=["dogs", "red circle"], must_not=["a", "square"])
    seen = captioner(photo(1), n_best=3)
    for caption in seen.captions:
        assert {"dog", "red", "circle"} <= set(caption.words)
        assert not {"a", "square"} & set(caption.words)
    assert captioner(photo(1), must=[]).words != seen.words
    several = captioner(photo(1), beam_width=4, n_best=4, beam_groups=4, diversity=100.0, must=[], must_not=[])
    assert len({caption.words[0] for caption in several.captions}) == 4
    with pytest.raises(TypeError, match="must: 'dog' is str, not list"):
        captioner.caption([], must="dog")
    with pytest.raises(ValueError, match="must"):
        captioner.caption([], must=[3])


def test_options_that_cant_be_are_refused_at_once(captioner, tiny_model):
    with pytest.raises(TypeError, match="no option 'beam'; there are beam_width, n_best"):
        attend.Captioner(tiny_model, beam=3)
    with pytest.raises(TypeError, match="beam_width: 'wide' is str, not int"):
        captioner.caption([], beam_width="wide")
    for options in (
        {"beam_width": 0},
        {"n_best": 7},
        {"temperature": float("nan")},
        {"locations": "argmax"},
        {"locations": "there"},
        {"beam_groups": 2},
        {"diversity": 0.5},
        {"must": ["hippopotamus"]},
        {"must_not": [""]},
    ):
        with pytest.raises(ValueError, match=next(iter(options))):
            captioner.caption([], **options)
        with pytest.raises(ValueError, match=next(iter(options))):
            attend.Captioner(tiny_model, **options)
    with pytest.raises(ValueError, match="chunk_size"):
        captioner.caption([], chunk_size=0)
    with pytest.raises(ValueError, match="precision"):
        attend.Captioner(tiny_model, precision="fp64")
    with pytest.raises(ValueError, match="device"):
        attend.Captioner(tiny_model, device="abacus")
    with pytest.raises(ValueError, match="input"):
        attend.Captioner(tiny_model, input_size=5)


def test_models_come_from_paths_bytes_and_in_company(captioner, tiny_model, wide_model):
    contents = pathlib.Path(tiny_model).read_bytes()
    picture = photo(5)
    expected = captioner(picture)
    for model in (pathlib.Path(tiny_model), contents, [tiny_model], [contents], [tiny_model, tiny_model]):
        assert same(attend.Captioner(model, precision="fp32")(picture), expected)
    both = attend.Captioner([tiny_model, wide_model], precision="fp32")(picture)
    assert not np.allclose(both.best.word_log_probability[0], expected.best.word_log_probability[0], atol=1e-6)
    assert captioner.about["licence"] == "CC0-1.0"


def test_models_that_cant_be_are_refused(tiny_model, tmp_path):
    with pytest.raises(attend.InputError, match="nowhere.safetensors"):
        attend.Captioner(tmp_path / "nowhere.safetensors")
    with pytest.raises(attend.InputError):
        attend.Captioner(b"no model")
    with pytest.raises(ValueError, match="names no model"):
        attend.Captioner([])
    with pytest.raises(TypeError, match="not both"):
        attend.Captioner([tiny_model, b"bytes"])
    with pytest.raises(ValueError, match="null"):
        attend.Captioner("a\0b")


def test_threads_may_share_a_captioner(captioner):
    pictures = [photo(seed) for seed in range(6)]
    expected = list(captioner.caption(pictures))
    wrong = []

    def work():
        if not all(map(same, captioner.caption(pictures, chunk_size=2), expected)):
            wrong.append(threading.current_thread())

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert wrong == []


def test_ctrl_c_stops_a_call_that_would_take_hours(captioner, samples):
    # That the other thread runs at all while attend computes shows that Python's lock is released.
    interrupter = threading.Thread(target=lambda: signal.raise_signal(signal.SIGINT))

    class StartsIt(list):
        def __iter__(self):
            yield from super().__iter__()
            interrupter.start()

    with pytest.raises(KeyboardInterrupt):
        next(captioner.caption(StartsIt(samples[:1] * 100_000), chunk_size=200_000))
    interrupter.join()
    assert captioner(photo(1)).error is None


def test_warnings_go_to_the_logger(tiny_model, caplog):
    with caplog.at_level(logging.INFO, logger="attend"):
        list(attend.Captioner(tiny_model, temperature=0.5).caption([photo(1)]))
    assert all(record.name == "attend" for record in caplog.records)


def test_what_the_logger_raises_comes_out(captioner, monkeypatch):
    def fail(*_):
        raise RuntimeError("no log")

    monkeypatch.setattr("attend._captioner._log", fail)
    try:
        list(captioner.caption([photo(1)]))
    except RuntimeError as error:
        assert "no log" in str(error)


def test_captions_of_its_own_get_the_figures_that_they_had(captioner):
    pictures = [photo(1), photo(2), photo(3)]
    said = list(captioner.caption(pictures))
    scored = list(captioner.score(pictures, [one.caption for one in said], chunk_size=2))
    assert [one.index for one in scored] == [0, 1, 2]
    for one, again in zip(said, scored):
        assert again.caption == one.caption
        assert again.words == one.words
        assert np.allclose(again.best.word_log_probability[: len(one.best.word_log_probability)], one.best.word_log_probability, atol=1e-4)
        assert np.allclose(again.attention, one.attention, atol=1e-4)
        (given,) = again.given
        assert given.error is None
        assert given.place == 0
        assert given.unknown == []
        assert given.rank.shape == (len(one.words) + 1,)
        assert len(given.likeliest) == len(one.words) + 1
        assert given.perplexity == pytest.approx(np.exp(-again.best.plain_word_log_probability.mean()), rel=1e-6)
        assert again.json()[0]["perplexity"] == pytest.approx(given.perplexity, abs=1e-4)


def test_every_caption_that_is_given_is_answered(captioner):
    (seen,) = captioner.score([photo(1)], [["a dog", "...", "a purple dog", "xyzzy"]])
    assert [given.error is None for given in seen.given] == [True, False, True, False]
    assert [caption.text for caption in seen.captions] == ["a dog", "a purple dog"]
    assert [seen.given[0].place, seen.given[2].place] == [0, 1]
    assert seen.given[2].unknown == ["purple"]
    assert "has no words" in seen.given[1].error
    assert seen.given[1].place is None
    assert seen.given[1].perplexity is None
    (nothing,) = captioner.score([photo(1)], ["..."])
    assert nothing.captions == ()
    with pytest.raises(attend.InputError, match="has no words"):
        nothing.caption  # noqa: B018
    assert "no caption" in repr(nothing)
    (bad,) = captioner.score([b"no picture"], ["a dog"])
    assert bad.error is not None
    assert bad.given == ()


def test_pictures_and_captions_must_be_as_many(captioner):
    with pytest.raises(ValueError, match="picture 2 has no captions"):
        list(captioner.score([photo(1), photo(2)], ["a dog"]))
    with pytest.raises(ValueError, match="more than 1 pictures"):
        list(captioner.score([photo(1)], ["a dog", "grass"]))
    with pytest.raises(TypeError, match="captions is one text"):
        captioner.score([photo(1)], "a dog")
    with pytest.raises(ValueError, match="at least one"):
        list(captioner.score([photo(1)], [[]]))
