"""Where the model looked, drawn."""

import numpy as np
import pytest
from conftest import photo, ppm

import attend


@pytest.fixture(scope="module")
def seen(captioner):
    return captioner(photo(1, 300, 200))


def test_a_words_overlay_is_its_picture_below_a_line_with_the_word(seen):
    overlays = [seen.overlay(word) for word in range(len(seen.words))]
    for overlay in overlays:
        assert overlay.shape[1:] == (300, 3)
        assert 210 < overlay.shape[0] < 250
        assert overlay.dtype == np.uint8
        assert overlay.flags.writeable
        assert overlay[:-200].min() < 100  # the word
        assert not (overlay[-200:] == photo(1, 300, 200)).all()


def test_a_page_has_more_on_it_than_the_picture(seen):
    page = seen.overlay()
    assert page.dtype == np.uint8
    assert page.shape[2] == 3
    assert page.shape[1] > 300
    assert seen.overlay(tile=400).shape[1] > page.shape[1]
    assert seen.overlay(columns=1).shape[0] > page.shape[0]


def test_styles_differ(seen):
    drawn = [seen.overlay(0, style=style) for style in ("glow", "heat", "contour", "spotlight")]
    for i, one in enumerate(drawn):
        assert not any(np.array_equal(one, other) for other in drawn[:i])
    assert (seen.overlay(0) == drawn[0]).all()
    assert not (seen.overlay(0, smoothing=0) == drawn[0]).all()
    # Nothing taken, nothing laid over: the picture itself, below the word.
    bare = np.abs(seen.overlay(0, darken=0, glow=0)[-200:].astype(int) - photo(1, 300, 200))
    assert bare.max() <= 1


def test_overlays_that_cant_be_are_refused(seen):
    with pytest.raises(ValueError):
        seen.overlay(len(seen.words))
    with pytest.raises(ValueError):
        seen.overlay(0, caption=len(seen.captions))
    with pytest.raises(ValueError):
        seen.overlay(-1)
    with pytest.raises(ValueError):
        seen.overlay(caption=1)
    with pytest.raises(ValueError, match="darken"):
        seen.overlay(darken=2.0)
    with pytest.raises(ValueError, match="style"):
        seen.overlay(style="fog")
    with pytest.raises(TypeError, match="no option 'blur'; there are style, tile"):
        seen.overlay(blur=1)
    with pytest.raises(attend.InputError):
        seen.overlay(picture=b"no picture")


def test_another_copy_of_the_picture_may_be_drawn_on(captioner, seen):
    large = photo(1, 600, 400)
    assert seen.overlay(0, picture=large).shape[1:] == (600, 3)
    other = captioner(photo(1, 300, 200))
    other.picture = None
    with pytest.raises(ValueError, match="give the picture to draw on"):
        other.overlay()
    assert (other.overlay(0, picture=ppm(photo(1, 300, 200))) == seen.overlay(0)).all()


def test_files_hold_what_overlay_draws(captioner, seen, tmp_path):
    image_module = pytest.importorskip("PIL.Image")
    seen.save_overlay(tmp_path / "page.png")
    seen.save_overlay(tmp_path / "word.png", 1, style="heat")
    with image_module.open(tmp_path / "page.png") as page, image_module.open(tmp_path / "word.png") as word:
        assert (np.asarray(page.convert("RGB")) == seen.overlay()).all()
        assert (np.asarray(word.convert("RGB")) == seen.overlay(1, style="heat")).all()
    with pytest.raises(ValueError):
        seen.save_overlay(tmp_path / "page.doc")
    with pytest.raises(attend.Error):
        seen.save_overlay(tmp_path / "no such folder" / "page.png")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["page.png", "word.png"]


def test_draws_what_the_program_draws(captioner, tiny_model, program, samples, tmp_path):
    image_module = pytest.importorskip("PIL.Image")
    program("caption", "--model", tiny_model, "--precision", "fp32", "--overlay", tmp_path / "pages", samples[0])
    (page,) = (tmp_path / "pages").iterdir()
    captioner(samples[0]).save_overlay(tmp_path / f"page{page.suffix}")
    with image_module.open(page) as one, image_module.open(tmp_path / f"page{page.suffix}") as other:
        assert one.size == other.size
        difference = np.abs(np.asarray(one.convert("RGB")).astype(int) - np.asarray(other.convert("RGB")))
    assert difference.mean() < 0.5
