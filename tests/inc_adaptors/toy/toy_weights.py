"""Weight access: scores and masks over the (out, in) view of (in, out) weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from inc_adaptors.roles import BlockLayout, WeightInfo
from inc_config.errors import StepError
from inc_config.pruning import Reduction
from numpy.typing import NDArray
from toy_graph import Linear, ToyModel

REDUCE = {Reduction.MEAN: np.mean, Reduction.SUM: np.sum, Reduction.MAX: np.max}


class ToyWeights:
    def __init__(self, model: ToyModel, masks: Mapping[str, NDArray[np.bool_]]) -> None:
        self._linears: dict[str, Linear] = {f"{name}.weight": linear for name, linear in model.linears()}
        self._masks = dict(masks)
        self._running: dict[str, NDArray[np.float32]] = {}

    def prunable(self) -> tuple[WeightInfo, ...]:
        shapes = {name: linear.weight.value.shape for name, linear in self._linears.items()}
        return tuple(WeightInfo(name=name, type="Linear", shape=shape, matrix=shape[::-1]) for name, shape in shapes.items())

    def accumulate_scores(self, criterion: str, *, decay: float) -> None:
        for name, linear in self._linears.items():
            fresh = np.abs(linear.weight.value * linear.weight.gradient)
            self._running[name] = decay * self._running.get(name, np.zeros_like(fresh)) + fresh

    def reduced_scores(self, criterion: str, layouts: Mapping[str, BlockLayout]) -> dict[str, NDArray[np.float32]]:
        reduced = {}
        for name, layout in layouts.items():
            scores = np.abs(self._linears[name].weight.value) if criterion == "magnitude" else self._running[name]
            rows, columns = layout.pattern.rows, layout.pattern.columns
            out, inputs = scores.T.shape
            blocks = scores.T.reshape(out // rows, rows, inputs // columns, columns)
            reduced[name] = np.asarray(REDUCE[layout.reduction](blocks, axis=(1, 3)), np.float32)
        return reduced

    def set_masks(self, masks: Mapping[str, NDArray[np.bool_]]) -> None:
        for name, mask in masks.items():
            if name not in self._linears:
                raise StepError(f"No weight {name!r}.", where="masks", fix=f"one of {', '.join(self._linears)}")
            out, inputs = self._linears[name].weight.value.T.shape
            if out % mask.shape[0] or inputs % mask.shape[1]:
                raise StepError(f"A mask of shape {mask.shape} for {(out, inputs)}.", where=name, fix="use whole blocks")
            expanded: NDArray[Any] = np.repeat(np.repeat(mask, out // mask.shape[0], axis=0), inputs // mask.shape[1], axis=1)
            self._masks[name] = expanded.T

    def apply_masks(self) -> None:
        for name, mask in self._masks.items():
            weight = self._linears[name].weight
            weight.value = np.where(mask, weight.value, np.float32(0))

    def masks(self) -> dict[str, NDArray[np.bool_]]:
        return dict(self._masks)

    def all_reduce(self) -> None:
        """One process."""
