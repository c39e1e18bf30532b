"""Criteria and optimizers."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from inc_config.compat.named_shapes import Arguments, Names
from inc_config.compat.values import Reworded, WrongError, choice, decimal, flag, number, wrong
from inc_config.compat.values import each as several
from inc_config.frozen import FrozenMap, freeze

_ADAM = dict.fromkeys(("learning_rate", "beta_1", "beta_2", "epsilon"), number) | {"amsgrad": flag}

OPTIMIZERS = Names(
    {
        "SGD": Arguments(
            {"learning_rate": number, "momentum": number, "nesterov": flag, "weight_decay": number}, required=["learning_rate"]
        ),
        "AdamW": Arguments({**_ADAM, "weight_decay": number}, required=["weight_decay"]),
        "Adam": Arguments(_ADAM),
    },
    "optimizer",
    most=1,
)


def _not_negative(value: Any) -> float:
    if (found := number(value)) < 0:
        raise wrong(value, "write numbers of at least 0")
    return found


def _below_one(value: Any) -> float:
    if not 0 <= (found := number(value)) < 1:
        raise wrong(value, "write numbers of at least 0 and below 1")
    return found


def _reduction(value: Any) -> Any:
    return Reworded("none", "'none'") if value == "None" else str(choice("none", "sum", "mean", "auto", "sum_over_batch_size")(value))


def _mapping(value: Any) -> Any:
    """``[student, teacher]``, ``[student, output, teacher, output]`` or ``[both]``; 2.x also nests pairs."""
    if not isinstance(value, list) or len(value) not in (1, 2, 4):
        raise WrongError(f"A layer mapping cannot be {value!r:.100}.", "write [student layer, teacher layer]")
    return freeze(value)


def _level(value: Any) -> Any:
    """Pairs of ``[shallow output, deep output]``, or one such pair."""
    pairs = value if isinstance(value, list) and value and all(isinstance(pair, list) for pair in value) else [value]
    if not all(isinstance(pair, list) and len(pair) == 2 and all(isinstance(name, str) for name in pair) for pair in pairs):
        raise WrongError(f"A level cannot be {value!r:.100}.", "write pairs of outputs: [[shallow, deep], ...]")
    return freeze(pairs)


def _sums_to_one(args: FrozenMap[str, Any]) -> Iterator[tuple[str, str, str]]:
    weights = args.get("loss_weights")
    if weights is not None and not math.isclose(sum(weights), 1.0, abs_tol=1e-9):
        yield "loss_weights", f"loss_weights sum to {sum(weights):g}.", "make them sum to 1"
    yield from _as_many(args, "loss_types", "loss_weights")


def _as_many_as_mappings(args: FrozenMap[str, Any]) -> Iterator[tuple[str, str, str]]:
    for name in ("loss_types", "loss_weights"):
        yield from _as_many(args, "layer_mappings", name)


def _as_many(args: FrozenMap[str, Any], first: str, second: str) -> Iterator[tuple[str, str, str]]:
    counts = len(args.get(first, ())), len(args.get(second, ()))
    if all(counts) and counts[0] != counts[1]:
        yield second, f"{first} has {counts[0]} items and {second} {counts[1]}.", "give one for each"


_CROSS_ENTROPY = Arguments({"reduction": _reduction, "from_logits": flag})

CRITERIA = Names(
    {
        "CrossEntropyLoss": _CROSS_ENTROPY,
        "SparseCategoricalCrossentropy": _CROSS_ENTROPY,
        "KnowledgeDistillationLoss": Arguments(
            {
                "temperature": decimal(above=0.0),
                "loss_types": several(choice("CE", "KL", "MSE"), least=1),
                "loss_weights": several(_not_negative, least=1),
            },
            check=_sums_to_one,
        ),
        "IntermediateLayersKnowledgeDistillationLoss": Arguments(
            {
                "layer_mappings": several(_mapping, listed=True, least=1),
                "loss_types": several(choice("MSE", "KL", "L1")),
                "loss_weights": several(_not_negative),
                "add_origin_loss": flag,
            },
            required=["layer_mappings"],
            check=_as_many_as_mappings,
        ),
        "SelfKnowledgeDistillationLoss": Arguments(
            {
                "layer_mappings": several(_level, listed=True, least=1),
                "temperature": decimal(above=0.0),
                "loss_types": several(choice("L2", "CE", "KL")),
                "loss_weights": several(_below_one),
                "add_origin_loss": flag,
            },
            required=["layer_mappings"],
            check=_as_many_as_mappings,
        ),
    },
    "criterion",
    most=1,
)
