"""Where batches come from: a dataset by name, its transforms, and how items become batches."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from inc_config.fields import Choice, flag, whole
from inc_config.named import Named, as_named


def as_names(value: str | Named | Iterable[str | Named]) -> tuple[Named, ...]:
    """Accept one reference or several (an attrs converter)."""
    return (as_named(value),) if isinstance(value, str | Named) else tuple(as_named(item) for item in value)


class LastBatch(Choice):
    """What happens to a last batch that is smaller: ``ROLLOVER`` keeps it, ``DISCARD`` drops it."""

    ROLLOVER = "rollover"
    DISCARD = "discard"


@attrs.frozen(kw_only=True)
class LoaderConfig:
    """A dataset in batches.

    ``dataset``, ``transforms`` (applied in order) and ``filter`` are found by name; ``distributed`` gives every worker its share.
    """

    dataset: Named = attrs.field(converter=as_named)
    transforms: tuple[Named, ...] = attrs.field(default=(), converter=as_names)
    filter: Named | None = attrs.field(default=None, converter=attrs.converters.optional(as_named))
    batch_size: int = attrs.field(default=1, validator=whole(minimum=1))
    last_batch: LastBatch = attrs.field(default=LastBatch.ROLLOVER, converter=LastBatch)
    shuffle: bool = attrs.field(default=False, validator=flag)
    seed: int = attrs.field(default=0, validator=whole(minimum=0))
    distributed: bool = attrs.field(default=False, validator=flag)
