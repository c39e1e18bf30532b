"""The user's data in three parts that share no sample: to calibrate, to judge trials, and to confirm the chosen model once."""

from __future__ import annotations

from typing import Any

import attrs
from inc_config.errors import DataError
from inc_data import DataLoader, split

from inc_orchestrate.cli.data import told

FEWEST = 6
"""Two samples for each part; anything less says nothing."""
CALIBRATION_SHARE = 1 / 3
"""Calibration never takes more than this of the data."""
CONFIRMATION_SHARE = 1 / 3
"""Of what calibration leaves."""


@attrs.frozen(kw_only=True, eq=False)
class Parts:
    """Loaders of the three parts and how many samples each has."""

    calibration: DataLoader
    evaluation: DataLoader
    confirmation: DataLoader
    sizes: tuple[int, int, int]

    def __str__(self) -> str:
        calibration, evaluation, confirmation = self.sizes
        return f"{calibration} to calibrate, {evaluation} to judge, {confirmation} to confirm"


def divide(dataset: Any, *, calibration: int, evaluation: int | None, batch_size: int, seed: int = 0) -> Parts:
    """Divide a dataset, each class in proportion.

    Args:
        dataset: items found by number.
        calibration: samples to calibrate with; at most a third of the data.
        evaluation: at most so many samples to judge and confirm together; None takes all that are left.
        batch_size: of every part.
        seed: of the draw.

    Raises:
        DataError: fewer than six samples.
    """
    total = len(dataset)
    if total < FEWEST:
        raise DataError(
            f"The data has {total} sample{'' if total == 1 else 's'}, too few to calibrate, judge and confirm with different ones.",
            where="--data",
            fix=f"give at least {FEWEST}; some hundred make the verdict worth something",
        )
    first = min(calibration, int(total * CALIBRATION_SHARE))
    rest = min(total - first, evaluation or total)
    third = max(1, int(rest * CONFIRMATION_SHARE))
    sizes = first, max(1, rest - third), third
    drawn = told(lambda: split(dataset, calibration=sizes[0], evaluation=sizes[1], confirmation=sizes[2], seed=seed), where="--data")
    return Parts(
        calibration=DataLoader(drawn.calibration, batch_size),
        evaluation=DataLoader(drawn.evaluation, batch_size),
        confirmation=DataLoader(drawn.confirmation, batch_size),
        sizes=sizes,
    )
