"""Transforms of labels, and of a model's outputs before they meet a metric (1.x's postprocess)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from inc_data.faults import fault, whole_number
from inc_data.images import as_array
from inc_data.protocols import Image
from inc_data.transforms.protocol import ImageTransform

FIRST_UNIQUE_ID = 1_000_000_000
"""Number of the first SQuAD window in BERT's own scripts."""


@dataclass(frozen=True)
class LabelShift(ImageTransform):
    """Subtract ``label_shift`` from labels: numbers, arrays, and lists or tuples of these; the image or prediction passes unchanged."""

    label_shift: int = 0

    def __post_init__(self) -> None:
        if isinstance(self.label_shift, bool) or not isinstance(self.label_shift, int | np.integer):
            raise TypeError(fault(f"label_shift must be an integer, got {self.label_shift!r}.", where="LabelShift", fix="pass 1"))
        object.__setattr__(self, "label_shift", int(self.label_shift))

    def apply(self, image: Image) -> Image:
        """Return the image."""
        return image

    def apply_pair(self, image: Any, label: Any) -> tuple[Any, Any]:
        """Return the image, and the label less ``label_shift``."""
        return image, _shifted(label, self.label_shift)


@dataclass(frozen=True)
class ShiftRescale(ImageTransform):
    """Compute ``(x - 127.5) / 127.5`` on the image and subtract 1 from the label."""

    def apply(self, image: Image) -> Image:
        """Return the pixels in -1..1 as float32."""
        return (as_array(image).astype(np.float32) - np.float32(127.5)) / np.float32(127.5)

    def apply_pair(self, image: Any, label: Any) -> tuple[Any, Any]:
        """Return the pixels, and the label less 1."""
        return self.apply(image), _shifted(label, 1)


@dataclass(frozen=True)
class Collect(ImageTransform):
    """Gather the logits of ``length`` SQuAD windows over many batches.

    A prediction is logits of shape ``(N, L, 2)``, or (start, end) of shape ``(N, L)`` each, or (ids, start, end). Each call returns
    everything gathered so far as ``(unique_ids, start_logits, end_logits)``, lists of one entry per window; windows beyond ``length``
    (a padded last batch) are left out.
    """

    length: int = 10833
    _gathered: tuple[list[int], list[Any], list[Any]] = field(default_factory=lambda: ([], [], []), init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        whole_number(self.length, minimum=1, name="length", where=type(self).__name__)

    def apply(self, image: Any) -> Any:
        """Return what was gathered, this prediction included."""
        starts, ends = _start_and_end(image, type(self).__name__)
        ids, all_starts, all_ends = self._gathered
        for start, end in zip(starts, ends, strict=True):
            if len(ids) < self.length:
                ids.append(FIRST_UNIQUE_ID + len(ids))
                all_starts.append(start)
                all_ends.append(end)
        return ids, all_starts, all_ends

    def __call__(self, item: Any) -> Any:
        """Gather from (prediction, label) and pass the label on; a prediction that is itself a pair needs a label beside it."""
        return self.apply_pair(*item) if isinstance(item, tuple) and len(item) == 2 else self.apply(item)


def _start_and_end(prediction: Any, where: str) -> tuple[Any, Any]:
    if isinstance(prediction, list | tuple) and len(prediction) in (2, 3):
        start, end = (np.asarray(part) for part in prediction[-2:])
    else:
        logits = np.asarray(prediction)
        if logits.ndim != 3 or logits.shape[2] != 2:
            raise ValueError(
                fault(f"Logits of shape {logits.shape} are no start and end.", where=where, fix="give (N, L, 2), or (start, end)")
            )
        start, end = logits[:, :, 0], logits[:, :, 1]
    if start.ndim != 2 or start.shape != end.shape:
        raise ValueError(
            fault(f"Start logits {start.shape} and end logits {end.shape} do not fit.", where=where, fix="give (N, L) of both")
        )
    return start, end


def _shifted(label: Any, shift: int) -> Any:
    if isinstance(label, list):
        return [_shifted(part, shift) for part in label]
    if isinstance(label, tuple):
        return tuple(_shifted(part, shift) for part in label)
    if isinstance(label, np.ndarray | np.number | int | float) and not isinstance(label, bool):
        return label - shift
    raise TypeError(
        fault(
            f"A label of type {type(label).__name__} cannot be shifted.", where="LabelShift", fix="give numbers, arrays, or lists of these"
        )
    )
