"""A whole 1.x document."""

# ruff: noqa: RUF009  # key() is attrs.field() with a schema

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Any

import attrs

from inc_config.compat.document.evaluation import V1Evaluation
from inc_config.compat.document.model import V1Model
from inc_config.compat.document.precision import V1GraphOptimization, V1MixedPrecision, V1ModelConversion
from inc_config.compat.document.pruning import PRUNING, V1Pruning
from inc_config.compat.document.quantization import V1Quantization
from inc_config.compat.document.search import V1AutoDistillation, V1Distillation, V1Nas
from inc_config.compat.document.train import TRAIN, V1Train
from inc_config.compat.document.tuning import V1Tuning
from inc_config.compat.nodes import Place
from inc_config.compat.notes import Note
from inc_config.compat.shapes import Section, key
from inc_config.compat.values import choice, number, wrong


class Flavour(enum.Enum):
    """Which reader the file was written for: ``V1`` is Neural Compressor 1.x, ``LPOT`` the Low Precision Optimization Tool 1.2."""

    V1 = "1.x"
    LPOT = "lpot"


def _version(value: Any) -> float:
    if number(value) != 1.0:
        raise wrong(value, "write 1.0")
    return 1.0


@attrs.frozen(kw_only=True)
class V1Document:
    """A 1.x file as it says it: a field is None where the file is silent.

    ``model`` is None only in an excerpt. ``use_bf16`` and ``reduce_range`` were set from Python. ``notes`` tell what was mended in
    reading, ``places`` give line and column by path, ``source`` is the file; these three do not count for equality.
    """

    version: float | None = key(_version)
    model: V1Model | None = key(Section(V1Model))
    device: str | None = key(choice("cpu", "gpu"))
    quantization: V1Quantization | None = key(Section(V1Quantization, hungry=False))
    graph_optimization: V1GraphOptimization | None = key(Section(V1GraphOptimization, hungry=False))
    mixed_precision: V1MixedPrecision | None = key(Section(V1MixedPrecision, hungry=False))
    model_conversion: V1ModelConversion | None = key(Section(V1ModelConversion))
    tuning: V1Tuning | None = key(Section(V1Tuning, hungry=False))
    evaluation: V1Evaluation | None = key(Section(V1Evaluation))
    pruning: V1Pruning | None = key(PRUNING)
    distillation: V1Distillation | None = key(Section(V1Distillation))
    auto_distillation: V1AutoDistillation | None = key(Section(V1AutoDistillation))
    nas: V1Nas | None = key(Section(V1Nas))
    train: V1Train | None = key(TRAIN)
    use_bf16: bool | None = None
    reduce_range: bool | None = None
    flavour: Flavour = attrs.field(default=Flavour.V1, eq=False)
    notes: tuple[Note, ...] = attrs.field(default=(), eq=False)
    places: Mapping[str, Place] = attrs.field(factory=dict, eq=False, repr=False)
    source: str = attrs.field(default="", eq=False)

    def place(self, path: str) -> tuple[int | None, int | None]:
        """The line and column of a path such as ``$.model.name``, or of the nearest section around it."""
        while path not in self.places and "." in path:
            path = path.rpartition(".")[0]
        return self.places.get(path, (None, None))

    def line(self, path: str) -> int | None:
        """The line of ``place``."""
        return self.place(path)[0]


DOCUMENT = Section(V1Document, yields=("train",), alone=("quantization", "pruning", "distillation"))
