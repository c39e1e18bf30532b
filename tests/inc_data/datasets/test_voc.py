from __future__ import annotations

import numpy as np
import pytest
from inc_data import VOC

OBJECT = """<object><name>{name}</name><difficult>{difficult}</difficult>
<bndbox><xmin>{box[0]}</xmin><ymin>{box[1]}</ymin><xmax>{box[2]}</xmax><ymax>{box[3]}</ymax></bndbox>
<part><name>head</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>2</xmax><ymax>2</ymax></bndbox></part></object>"""


def annotation(*objects, size=(20, 40)):
    inner = "".join(OBJECT.format(name=name, difficult=difficult, box=box) for name, difficult, box in objects)
    return f"<annotation><size><width>{size[1]}</width><height>{size[0]}</height></size>{inner}</annotation>"


@pytest.fixture
def root(tmp_path, save_image):
    for folder in ("ImageSets/Main", "Annotations"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "ImageSets/Main/val.txt").write_text("b  1\na -1\n")
    for name in "ab":
        save_image(tmp_path / "JPEGImages" / f"{name}.jpg", level=ord(name), size=(40, 20))
        (tmp_path / "Annotations" / f"{name}.xml").write_text(annotation(("dog", 0, (11, 6, 30, 15)), ("cat", 1, (1, 1, 40, 20))))
    return tmp_path


def test_boxes_count_pixels_from_one_and_include_the_last(root):
    data = VOC(root)
    image, label = data[0]
    assert image.getpixel((0, 0)) == (ord("b"), 0, 0)
    # Pixels 11..30 of 40 are 10/40..30/40; rows 6..15 of 20 are 5/20..15/20.
    np.testing.assert_allclose(label.boxes, [[0.25, 0.25, 0.75, 0.75], [0, 0, 1, 1]], rtol=1e-6)
    assert label.names == ("dog", "cat")
    assert label.classes.tolist() == [12, 8]  # VOC's label map counts aeroplane as 1
    assert label.crowd.tolist() == [False, True]
    assert label.image_id == "b.jpg"
    assert len(data) == 2


def test_bad_files_are_errors_that_name_them(root):
    path = root / "Annotations" / "a.xml"
    bomb = '<!DOCTYPE lolz [<!ENTITY lol "lol"><!ENTITY lol2 "&lol;&lol;">]>' + annotation(("dog", 0, (1, 1, 2, 2)))
    cases = {
        "malformed": ["<annotation>", "no xml", bomb, '<?xml version="1.0" encoding="nonsense"?><annotation/>'],
        "A box ends before it begins": [annotation(("dog", 0, (9, 1, 2, 2))), annotation(("dog", 0, (1, 9, 2, 2)))],
        "Unknown class 'dragon'": [annotation(("dragon", 0, (1, 1, 2, 2)))],
        "xmin is 'x', no number": [annotation(("dog", 0, ("x", 1, 2, 2)))],
        "height is None": ["<annotation/>"],
        "0x40 pixels": [annotation(size=(0, 40))],
    }
    for message, contents in cases.items():
        for content in contents:
            path.write_text(content)
            with pytest.raises(ValueError, match=rf"{message}(?s:.*)a\.xml"):
                VOC(root)
    path.unlink()
    with pytest.raises(ValueError, match=r"cannot be read(?s:.*)a\.xml"):
        VOC(root)
    (root / "JPEGImages" / "b.jpg").unlink()
    with pytest.raises(ValueError, match=r"1 of 2 listed images are missing, the first is .*b\.jpg"):
        VOC(root)
    with pytest.raises(ValueError, match=r"list of images cannot be read(?s:.*)train\.txt"):
        VOC(root, "train")
