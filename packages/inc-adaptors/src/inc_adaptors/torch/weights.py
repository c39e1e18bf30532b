"""Scores and masks of a module's weights, kept in torch on the weights' device."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
from inc_config.errors import StepError
from inc_config.pruning import Reduction
from numpy.typing import NDArray
from torch import nn

from inc_adaptors.roles import BlockLayout, WeightInfo

PRUNABLE = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear)
CRITERIA = ("magnitude", "snip_momentum")


def to_matrix(weight: torch.Tensor) -> torch.Tensor:
    """A weight (out, in, *kernel) seen as (out, kernel * in), inputs innermost; Linear weights are that already."""
    return weight.movedim(1, -1).reshape(weight.shape[0], -1)


def from_matrix(matrix: torch.Tensor, shape: tuple[int, ...]) -> torch.Tensor:
    """Back from the matrix view to the weight's own shape."""
    return matrix.reshape(shape[0], *shape[2:], shape[1]).movedim(-1, 1)


class TorchWeights:
    """Weight access of one module.

    Weights are named by module path and ``.weight`` and typed by torch's own class, also where a layer is of a subclass; tied ones appear
    once, under their first name.
    """

    def __init__(self, model: nn.Module, masks: Mapping[str, NDArray[np.bool_]]) -> None:
        self._weights: dict[str, nn.Parameter] = {}
        self._types: dict[str, str] = {}
        seen: set[int] = set()
        for path, module in model.named_modules():
            kind = next((kind for kind in PRUNABLE if isinstance(module, kind)), None)
            weight = None if kind is None else module._parameters.get("weight")
            if kind is not None and weight is not None and id(weight) not in seen:
                seen.add(id(weight))
                name = f"{path}.weight".lstrip(".")
                self._weights[name] = weight
                self._types[name] = kind.__name__
        self._scores: dict[str, torch.Tensor] = {}
        self._masks: dict[str, torch.Tensor] = {}
        for name, mask in masks.items():
            if (weight := self._known(name)).shape != mask.shape:
                raise StepError(f"A mask of shape {mask.shape} for {tuple(weight.shape)}.", where=name, fix="use the masks of this model")
            self._masks[name] = torch.from_numpy(np.array(mask)).to(weight.device)

    def prunable(self) -> tuple[WeightInfo, ...]:
        """Weights of convolutions and linear layers in definition order (transposed convolutions are left out)."""

        def info(name: str, weight: nn.Parameter) -> WeightInfo:
            rows, shape = weight.shape[0], tuple(weight.shape)
            frozen = not weight.requires_grad
            return WeightInfo(name=name, type=self._types[name], shape=shape, matrix=(rows, weight.numel() // rows), is_frozen=frozen)

        return tuple(info(name, weight) for name, weight in self._weights.items())

    def accumulate_scores(self, criterion: str, *, decay: float) -> None:
        """``snip_momentum``: score = decay * score + |weight * gradient|; ``magnitude`` needs none.

        Source:
            Lee et al., arXiv:1810.02340 (SNIP), averaged over steps.
        """
        _check(criterion)
        if criterion == "magnitude":
            return
        with torch.no_grad():
            for name, weight in self._weights.items():
                if weight.grad is not None:
                    fresh = (weight * weight.grad).abs_()
                    held = self._scores.get(name)
                    self._scores[name] = fresh if held is None else held.to(weight.device).mul_(decay).add_(fresh)

    def reduced_scores(self, criterion: str, layouts: Mapping[str, BlockLayout]) -> dict[str, NDArray[np.float32]]:
        """Block scores over the matrix view, shape (out / rows, in / columns)."""
        return {name: _reduced(self._score(criterion, name), layout, name) for name, layout in layouts.items()}

    def set_masks(self, masks: Mapping[str, NDArray[np.bool_]]) -> None:
        """Install keep-masks over the matrix view, per element or per block."""
        for name, mask in masks.items():
            weight = self._known(name)
            rows, columns = weight.shape[0], weight.numel() // weight.shape[0]
            if mask.ndim != 2 or 0 in mask.shape or rows % mask.shape[0] or columns % mask.shape[1]:
                raise StepError(
                    f"A mask of shape {mask.shape} does not tile the weight seen as {(rows, columns)}.",
                    where=name,
                    fix="give one flag per element or per block of this matrix",
                )
            whole = np.repeat(np.repeat(mask, rows // mask.shape[0], axis=0), columns // mask.shape[1], axis=1)
            expanded = from_matrix(torch.from_numpy(np.ascontiguousarray(whole, np.bool_)), tuple(weight.shape))
            self._masks[name] = expanded.contiguous().to(weight.device)

    def apply_masks(self) -> None:
        """Zero what the masks cut."""
        with torch.no_grad():
            for name in self._masks:
                weight = self._weights[name]
                self._masks[name] = self._masks[name].to(weight.device)
                weight.masked_fill_(~self._masks[name], 0.0)

    def masks(self) -> dict[str, NDArray[np.bool_]]:
        """Installed masks in the weights' own shapes."""
        return {name: mask.cpu().numpy().copy() for name, mask in self._masks.items()}

    def all_reduce(self) -> None:
        """Average running scores over the default process group, if there is one."""
        if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
            return
        for score in self._scores.values():
            torch.distributed.all_reduce(score)
            score.div_(torch.distributed.get_world_size())

    def _score(self, criterion: str, name: str) -> torch.Tensor:
        _check(criterion)
        weight = self._known(name).detach()
        if criterion == "magnitude":
            return weight.abs()
        if name not in self._scores:
            raise StepError(
                f"No gradient of {name!r} was seen yet, so {criterion} knows nothing of it.",
                where="reduced_scores",
                fix="train a step first, leave out weights that are frozen, or use the criterion magnitude",
            )
        return self._scores[name]

    def _known(self, name: str) -> nn.Parameter:
        if name not in self._weights:
            raise StepError(
                f"No prunable weight is named {name!r}.", where="weights of the model", fix=f"one of {', '.join(self._weights)}"
            )
        return self._weights[name]


def _check(criterion: str) -> None:
    if criterion not in CRITERIA:
        raise StepError(f"Unknown criterion {criterion!r}.", where="pruning criterion", fix=f"one of {', '.join(CRITERIA)}")


def _reduced(score: torch.Tensor, layout: BlockLayout, name: str) -> NDArray[np.float32]:
    matrix = to_matrix(score).float()
    rows, columns = layout.pattern.rows, layout.pattern.columns
    if matrix.shape[0] % rows or matrix.shape[1] % columns:
        raise StepError(
            f"Blocks of {layout.pattern} do not tile the weight seen as {tuple(matrix.shape)}.",
            where=name,
            fix="leave this layer out, or use 1x1",
        )
    blocks = matrix.reshape(matrix.shape[0] // rows, rows, matrix.shape[1] // columns, columns)
    made: NDArray[np.float32] = _REDUCE[layout.reduction](blocks).cpu().numpy()
    return made


_REDUCE: dict[Reduction, Callable[[torch.Tensor], torch.Tensor]] = {
    Reduction.MEAN: lambda blocks: blocks.mean(dim=(1, 3)),
    Reduction.SUM: lambda blocks: blocks.sum(dim=(1, 3)),
    Reduction.MAX: lambda blocks: blocks.amax(dim=(1, 3)),
}
