"""Losses and optimizers by name, for trainings that are written in a file."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from inc_config.errors import StepError
from inc_config.fields import one_of
from inc_config.frozen import thaw
from inc_config.named import Named
from torch.nn import functional

from inc_adaptors.torch.distill import logits_of

Loss = Callable[[Any, Any], torch.Tensor]


def loss_named(named: Named) -> Loss:
    """``(outputs, targets) -> loss``: cross_entropy, nll (targets are class numbers), mse, l1, smooth_l1, bce_with_logits.

    ``reduction`` is mean or sum; cross_entropy takes ``label_smoothing``. Of several outputs the logits count.

    Raises:
        StepError: unknown name or argument.
    """
    make = _chosen(named, _LOSSES, "loss")
    return _called(make, named, "loss")  # type: ignore[no-any-return]  # what the table holds, made


def optimizer_named(named: Named) -> Callable[[Iterable[Any]], torch.optim.Optimizer]:
    """``(parameters) -> optimizer``: sgd (learning_rate, momentum, nesterov, weight_decay), adam and adamw (learning_rate, beta_1, beta_2,
    epsilon, weight_decay, amsgrad).

    Raises:
        StepError: unknown name or argument, or a value that torch refuses.
    """
    make = _chosen(named, _OPTIMIZERS, "optimizer")
    build: Callable[[Iterable[Any]], torch.optim.Optimizer] = _called(make, named, "optimizer")
    try:
        build([torch.nn.Parameter(torch.zeros(1))])
    except (ValueError, TypeError) as error:
        raise StepError(f"{named.name}: {error}.", where=f"optimizer {named.name}", fix="change its arguments") from error
    return build


def _chosen(named: Named, table: Mapping[str, Callable[..., Any]], kind: str) -> Callable[..., Any]:
    if named.name not in table:
        raise StepError(f"Unknown {kind} {named.name!r}.", where=f"training, {kind}", fix=one_of(named.name, table))
    return table[named.name]


def _called(make: Callable[..., Any], named: Named, kind: str) -> Any:
    arguments = thaw(named.args)
    known = inspect.signature(make).parameters
    unknown = sorted(set(arguments) - set(known))
    if unknown:
        raise StepError(f"{named.name} has no argument {unknown[0]!r}.", where=f"training, {kind}", fix=one_of(unknown[0], known))
    return make(**arguments)


def _reduced(reduction: str) -> str:
    if reduction not in ("mean", "sum"):
        raise StepError(f"Unknown reduction {reduction!r}.", where="training, loss", fix=one_of(reduction, ("mean", "sum")))
    return reduction


def _cross_entropy(*, reduction: str = "mean", label_smoothing: float = 0.0) -> Loss:
    chosen = _reduced(reduction)

    def loss(outputs: Any, targets: Any) -> torch.Tensor:
        return functional.cross_entropy(logits_of(outputs), _classes(targets), reduction=chosen, label_smoothing=label_smoothing)

    return loss


def _nll(*, reduction: str = "mean") -> Loss:
    chosen = _reduced(reduction)
    return lambda outputs, targets: functional.nll_loss(logits_of(outputs), _classes(targets), reduction=chosen)


def _elementwise(distance: Callable[..., torch.Tensor]) -> Callable[..., Loss]:
    def make(*, reduction: str = "mean") -> Loss:
        chosen = _reduced(reduction)

        def loss(outputs: Any, targets: Any) -> torch.Tensor:
            predicted = logits_of(outputs)
            return distance(predicted, targets.to(predicted.dtype).reshape(predicted.shape), reduction=chosen)

        return loss

    return make


def _classes(targets: torch.Tensor) -> torch.Tensor:
    """Class numbers in the type that torch asks for; probabilities stay."""
    return targets if targets.is_floating_point() else targets.long()


def _sgd(
    *, learning_rate: float = 0.001, momentum: float = 0.0, nesterov: bool = False, weight_decay: float = 0.0
) -> Callable[[Iterable[Any]], torch.optim.Optimizer]:
    return lambda parameters: torch.optim.SGD(parameters, lr=learning_rate, momentum=momentum, nesterov=nesterov, weight_decay=weight_decay)


def _adaptive(kind: type[torch.optim.Adam], decay: float) -> Callable[..., Callable[[Iterable[Any]], torch.optim.Optimizer]]:
    def make(
        *,
        learning_rate: float = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        weight_decay: float = decay,
        amsgrad: bool = False,
    ) -> Callable[[Iterable[Any]], torch.optim.Optimizer]:
        return lambda parameters: kind(
            parameters, lr=learning_rate, betas=(beta_1, beta_2), eps=epsilon, weight_decay=weight_decay, amsgrad=amsgrad
        )

    return make


_LOSSES: dict[str, Callable[..., Loss]] = {
    "cross_entropy": _cross_entropy,
    "nll": _nll,
    "mse": _elementwise(functional.mse_loss),
    "l1": _elementwise(functional.l1_loss),
    "smooth_l1": _elementwise(functional.smooth_l1_loss),
    "bce_with_logits": _elementwise(functional.binary_cross_entropy_with_logits),
}
_OPTIMIZERS: dict[str, Callable[..., Callable[[Iterable[Any]], torch.optim.Optimizer]]] = {
    "sgd": _sgd,
    "adam": _adaptive(torch.optim.Adam, 0.0),
    "adamw": _adaptive(torch.optim.AdamW, 0.01),
}
