"""The protocol of transforms: an image in, an image out, or a pair (image, label) in and out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar, overload

import numpy as np

from inc_data.faults import fault, whole_number
from inc_data.protocols import Image, Item, PairTransform
from inc_data.randomness import sample_generator

Label = TypeVar("Label")


class ImageTransform(ABC):
    """A callable on an image, or on a tuple (image, label).

    A subclass says what happens to the image in ``apply``; one whose label must follow the image (boxes) overrides ``apply_pair``.
    Subclasses are frozen dataclasses: equal when their options are equal.
    """

    @abstractmethod
    def apply(self, image: Image) -> Image:
        """Return the transformed image; the argument is left unchanged."""

    def apply_pair(self, image: Image, label: Any) -> tuple[Image, Any]:
        """Return the transformed image with the label that belongs to it: by default the same."""
        return self.apply(image), label

    @overload
    def __call__(self, item: tuple[Image, Label]) -> tuple[Image, Label]: ...

    @overload
    def __call__(self, item: Image) -> Image: ...

    def __call__(self, item: Image | tuple[Image, Any]) -> Image | tuple[Image, Any]:
        """Transform an image, or the image of a tuple (image, label)."""
        if not isinstance(item, tuple):
            return self.apply(item)
        if len(item) != 2:
            raise TypeError(
                fault(
                    f"A tuple of {len(item)} is no pair.",
                    where=type(self).__name__,
                    fix="pass an image, or a tuple (image, label)",
                )
            )
        return self.apply_pair(*item)


@dataclass(frozen=True)
class RandomTransform(ImageTransform):
    """A transform that draws: from the sample's own stream under a ``DataLoader``, else from one stream that ``seed`` starts."""

    seed: int = field(default=0, kw_only=True)
    _generator: np.random.Generator = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        whole_number(self.seed, minimum=0, name="seed", where=type(self).__name__)
        object.__setattr__(self, "_generator", np.random.default_rng(self.seed))

    def draw(self) -> np.random.Generator:
        """Return the generator for this call."""
        return sample_generator(self.seed, self._generator)


def apply_to_item(transform: Callable[[Any], Any], item: Item, *, labelled: bool) -> Item:
    """Apply a transform to a dataset's item; a plain function is given the image alone, as torchvision's are."""
    if not labelled:
        return transform(item)
    image, label = item
    if isinstance(transform, PairTransform):
        return transform.apply_pair(image, label)
    return transform(image), label


def pair(value: Any, *, name: str, where: str) -> tuple[int, int]:
    """Read a size: an integer is a square, a sequence of one or two integers is (height, width)."""
    values = tuple(value) if isinstance(value, list | tuple) else (value,)
    if len(values) not in (1, 2):
        raise ValueError(
            fault(f"{name} must have one or two numbers, got {value!r}.", where=where, fix=f"pass {name}=224 or {name}=(height, width)")
        )
    sizes = [whole_number(number, minimum=1, name=name, where=where) for number in values]
    return sizes[0], sizes[-1]
