"""Where batches come from."""

# key() is attrs.field() with a schema

from __future__ import annotations

import attrs

from inc_config.compat.catalogue.datasets import DATASETS, FILTERS
from inc_config.compat.catalogue.transforms import POSTPROCESS, TRANSFORMS
from inc_config.compat.shapes import Section, key
from inc_config.compat.values import choice, flag, whole
from inc_config.named import Named


@attrs.frozen(kw_only=True)
class V1DataLoader:
    """A ``dataloader``; of several datasets only the first is used."""

    dataset: tuple[Named, ...] = key(DATASETS, required=True)
    batch_size: int | None = key(whole(minimum=1))
    last_batch: str | None = key(choice("rollover", "discard"))
    shuffle: bool | None = key(flag)
    distributed: bool | None = key(flag)
    filter: tuple[Named, ...] | None = key(FILTERS)
    transform: tuple[Named, ...] | None = key(TRANSFORMS)


@attrs.frozen(kw_only=True)
class V1Postprocess:
    """Transforms of a model's outputs and labels."""

    transform: tuple[Named, ...] | None = key(POSTPROCESS)


LOADER = Section(V1DataLoader)
POSTPROCESSING = Section(V1Postprocess)
