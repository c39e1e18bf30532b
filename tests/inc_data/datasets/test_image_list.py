from __future__ import annotations

import logging

import pytest
from inc_data import ImagenetRaw, build_dataset


def test_images_of_a_list_in_its_order(tmp_path, save_image):
    save_image(tmp_path / "b c.png", level=2)
    save_image(tmp_path / "sub" / "a.png", level=1)
    (tmp_path / "val.txt").write_text("b c.png 7\n\nsub/a.png 3\n")
    data = build_dataset("ImagenetRaw", data_path=str(tmp_path))
    assert [(image.getpixel((0, 0))[0], label) for image, label in map(data.__getitem__, range(2))] == [(2, 7), (1, 3)]
    assert data.labels.tolist() == [7, 3]
    (tmp_path / "other.txt").write_text("sub/a.png 5")
    assert ImagenetRaw(tmp_path, tmp_path / "other.txt").labels.tolist() == [5]


def test_missing_images_are_passed_over_and_counted(tmp_path, save_image, caplog):
    save_image(tmp_path / "a.png")
    (tmp_path / "val.txt").write_text("a.png 1\nb.png 2\nc.png 3\n")
    with caplog.at_level(logging.WARNING, "inc_data"):
        assert len(ImagenetRaw(tmp_path)) == 1
    assert "2 of 3 images are missing" in caplog.text
    (tmp_path / "a.png").unlink()
    with pytest.raises(ValueError, match=r"None of the 3 images exists(?s:.*)val\.txt"):
        ImagenetRaw(tmp_path)


@pytest.mark.parametrize("line", ["a.png", "a.png x", "/etc/passwd 1", "../a.png 1", " 1"])
def test_a_bad_line_is_an_error_that_names_it(tmp_path, save_image, line):
    save_image(tmp_path / "a.png")
    (tmp_path / "val.txt").write_text(f"a.png 1\n{line}\n")
    with pytest.raises(ValueError, match=r"val\.txt, line 2"):
        ImagenetRaw(tmp_path)


def test_a_missing_or_empty_list_is_an_error(tmp_path):
    with pytest.raises(ValueError, match=r"cannot be read(?s:.*)val\.txt"):
        ImagenetRaw(tmp_path)
    (tmp_path / "val.txt").write_text("\n")
    with pytest.raises(ValueError, match="list is empty"):
        ImagenetRaw(tmp_path)
