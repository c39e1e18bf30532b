"""How a model is trained."""

# ruff: noqa: RUF009  # key() is attrs.field() with a schema

from __future__ import annotations

from collections.abc import Iterator

import attrs

from inc_config.compat.catalogue.training import CRITERIA, OPTIMIZERS
from inc_config.compat.document.loader import LOADER, POSTPROCESSING, V1DataLoader, V1Postprocess
from inc_config.compat.shapes import Section, key
from inc_config.compat.values import choice, text, whole
from inc_config.named import Named


@attrs.frozen(kw_only=True)
class V1Train:
    """A ``train`` section; ``iteration`` is the number of steps per epoch at most."""

    optimizer: tuple[Named, ...] = key(OPTIMIZERS, required=True)
    criterion: tuple[Named, ...] = key(CRITERIA, required=True)
    dataloader: V1DataLoader | None = key(LOADER)
    epoch: int | None = key(whole(minimum=0))
    start_epoch: int | None = key(whole(minimum=0))
    end_epoch: int | None = key(whole(minimum=0))
    iteration: int | None = key(whole(minimum=0))
    frequency: int | None = key(whole(minimum=0))
    execution_mode: str | None = key(choice("eager", "graph"))
    postprocess: V1Postprocess | None = key(POSTPROCESSING)
    hostfile: str | None = key(text)

    def faults(self) -> Iterator[tuple[str, str, str]]:
        """What does not fit together."""
        yield from epochs_in_order(self.start_epoch, self.end_epoch)


def epochs_in_order(start: int | None, end: int | None) -> Iterator[tuple[str, str, str]]:
    """A fault where the end is before the start."""
    if start is not None and end is not None and start > end:
        yield "start_epoch", f"start_epoch {start} is after end_epoch {end}.", "swap them"


TRAIN = Section(V1Train)
