"""Names of classes: COCO's own, and files that name others."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from pathlib import Path

from inc_metrics.errors import MetricTypeError, MetricValueError

_COCO = """
1 person, 2 bicycle, 3 car, 4 motorcycle, 5 airplane, 6 bus, 7 train, 8 truck, 9 boat, 10 traffic light, 11 fire hydrant,
13 stop sign, 14 parking meter, 15 bench, 16 bird, 17 cat, 18 dog, 19 horse, 20 sheep, 21 cow, 22 elephant, 23 bear, 24 zebra,
25 giraffe, 27 backpack, 28 umbrella, 31 handbag, 32 tie, 33 suitcase, 34 frisbee, 35 skis, 36 snowboard, 37 sports ball, 38 kite,
39 baseball bat, 40 baseball glove, 41 skateboard, 42 surfboard, 43 tennis racket, 44 bottle, 46 wine glass, 47 cup, 48 fork,
49 knife, 50 spoon, 51 bowl, 52 banana, 53 apple, 54 sandwich, 55 orange, 56 broccoli, 57 carrot, 58 hot dog, 59 pizza, 60 donut,
61 cake, 62 chair, 63 couch, 64 potted plant, 65 bed, 67 dining table, 70 toilet, 72 tv, 73 laptop, 74 mouse, 75 remote,
76 keyboard, 77 cell phone, 78 microwave, 79 oven, 80 toaster, 81 sink, 82 refrigerator, 84 book, 85 clock, 86 vase, 87 scissors,
88 teddy bear, 89 hair drier, 90 toothbrush
"""


def coco_classes() -> dict[str, int]:
    """Return the names and ids of COCO's 80 classes; the ids go up to 90, with gaps."""
    pairs = (entry.split(maxsplit=1) for entry in _COCO.split(","))
    return {" ".join(name.split()): int(number) for number, name in pairs}


def read_class_names(source: str | PathLike[str] | Mapping[str, int], *, where: str) -> dict[str, int]:
    """Return names and ids from a mapping, or from a file with a line ``name: id`` for each class.

    This is the part of YAML that such files use: names may be quoted, ``#`` begins a comment, ``---`` may come first.

    Raises:
        MetricTypeError: neither a path nor a mapping.
        MetricValueError: no such file, a line of another form, or a name given twice.
    """
    if isinstance(source, Mapping):
        return dict(source)
    if not isinstance(source, (str, PathLike)):
        raise MetricTypeError(f"The class names are a {type(source).__name__}", where, "give a path or {name: id, ...}")
    try:
        text = Path(source).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise MetricValueError(
            f"{source} cannot be read: {error}", where, "give the path of a text file with a line `name: id` per class"
        ) from error
    names: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        content = line.partition(" #")[0].strip()
        if not content or content == "---" or content.startswith("#"):
            continue
        name, value = _parse_line(content, f"{source}, line {number}")
        if name in names:
            raise MetricValueError(f"The class {name!r} is named twice", f"{source}, line {number}", "name every class once")
        names[name] = value
    return names


def _parse_line(content: str, where: str) -> tuple[str, int]:
    name, colon, value = content.rpartition(":")
    name, value = name.strip(), value.strip()
    if len(name) >= 2 and name[0] == name[-1] and name[0] in "'\"":
        name = name[1:-1]
    if not colon or not name or not (value.isascii() and value.isdigit()):
        raise MetricValueError(f"The line {content!r} names no class", where, "write `name: id`, for instance `person: 1`")
    return name, int(value)
