"""Several transforms as one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from inc_data.faults import fault
from inc_data.protocols import Image
from inc_data.transforms.protocol import ImageTransform, apply_to_item


@dataclass(frozen=True)
class Compose(ImageTransform):
    """Apply transforms in order; a plain function among them is given the image alone.

    Args:
        transforms: callables, kept as a tuple.
    """

    transforms: Sequence[Callable[[Any], Any]]

    def __post_init__(self) -> None:
        if not isinstance(self.transforms, list | tuple) or not all(map(callable, self.transforms)):
            raise TypeError(
                fault(
                    f"Compose takes a list of callables, got {self.transforms!r}.",
                    where="Compose",
                    fix="pass Compose([Resize(224), ToArray()])",
                )
            )
        object.__setattr__(self, "transforms", tuple(self.transforms))

    def apply(self, image: Image) -> Image:
        """Return what the last transform returns."""
        result: Any = image
        for transform in self.transforms:
            result = transform(result)
        return result  # type: ignore[no-any-return]  # what a foreign callable returns is not known

    def apply_pair(self, image: Image, label: Any) -> tuple[Image, Any]:
        """Return image and label after every transform that knows pairs has seen both."""
        item = (image, label)
        for transform in self.transforms:
            item = apply_to_item(transform, item, labelled=True)
        return item


def compose(
    transforms: Sequence[Callable[[Any], Any]] | None = None, transform_list: Sequence[Callable[[Any], Any]] | None = None
) -> Compose:
    """Make a ``Compose``; ``transform_list`` is 1.x's name of the argument."""
    if (transforms is None) == (transform_list is None):
        raise TypeError(fault("Give transforms, or transform_list.", where="Compose", fix="pass one of them"))
    return Compose(transforms if transforms is not None else transform_list or ())
