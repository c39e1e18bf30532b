"""From ``model_wise``, ``optype_wise`` and ``op_wise`` to constraints."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache, partial
from typing import Any

from inc_config.compat.document.operators import V1Activation, V1OpOptions, V1OpPrecision, V1Weight
from inc_config.compat.document.quantization import V1Quantization
from inc_config.compat.translate.remarks import Remarks
from inc_config.constraints import OpConstraint, TensorConstraint, Unfit

_LITERAL = re.compile(r"[A-Za-z0-9._/:-]+")
"""Names that LPOT took literally; anything else is a regular expression."""
DEFAULT = "default_qconfig"
"""Stands for every operator of an FX graph that is not named itself."""
_ANYTHING = TensorConstraint()
Names = tuple[str, ...]
_SCHEMES = {"asym": "asymmetric", "sym": "symmetric", "asym_float": "asymmetric"}


def constraints_of(section: V1Quantization, path: str, today: str, remarks: Remarks) -> tuple[OpConstraint, ...]:
    """Constraints in the order in which they were applied; one that fits no option of an operator does not count for it, as before."""
    named: Mapping[str, V1OpOptions] = section.op_wise or {}
    asked: list[tuple[str, Mapping[str, tuple[str, ...]], V1OpOptions | None]] = [
        (f"{path}.model_wise", {}, section.model_wise),
        (f"{path}.op_wise.{DEFAULT}", _others(named), named.get(DEFAULT)),
        *((f"{path}.optype_wise.{op}", {"types": (op,)}, options) for op, options in (section.optype_wise or {}).items()),
        *((f"{path}.op_wise.{op}", _selection(op), options) for op, options in named.items() if op != DEFAULT),
    ]
    made = [(place, _constraint(selection, options, place, remarks)) for place, selection, options in asked]
    found = _placed(made, today, remarks)
    if section.model_wise is not None and (named or section.optype_wise):
        text = "Constraints narrow one another; where one contradicts an earlier one, the earlier one stays (1.x took the later one)."
        remarks.changed(f"{path}.model_wise", text, f"{today}.constraints")
    return found


def _placed(made: Iterable[tuple[str, OpConstraint | None]], today: str, remarks: Remarks) -> tuple[OpConstraint, ...]:
    """The constraints that there are, with where each comes from."""
    found = [(place, constraint) for place, constraint in made if constraint is not None]
    for index, (place, _) in enumerate(found):
        remarks.comes_from(place, f"{today}.constraints[{index}]")
    return tuple(constraint for _, constraint in found)


def precisions_of(
    section: V1OpPrecision | Mapping[str, V1OpPrecision] | None, path: str, today: str, remarks: Remarks
) -> tuple[OpConstraint, ...]:
    """Constraints on the data types of mixed precision."""
    if section is None:
        return ()
    pairs: Iterable[tuple[str, V1OpPrecision]] = [("", section)] if isinstance(section, V1OpPrecision) else section.items()
    made: list[tuple[str, OpConstraint | None]] = []
    for op, precision in pairs:
        dtypes = {kind: getattr(precision, kind).dtype or () for kind in ("activation", "weight") if getattr(precision, kind)}
        if any(dtypes.values()):
            tensors = {kind: TensorConstraint(dtypes=found) for kind, found in dtypes.items()}
            inner = f"{path}.{op}" if op else path
            made.append((inner, remarks.make(inner, partial(_made, _selection(op) if op else {}, tensors), instead=None)))
    return _placed(made, today, remarks)


def _made(selection: Mapping[str, Any], tensors: Mapping[str, Any]) -> OpConstraint | None:
    return OpConstraint(**selection, **tensors, unfit=Unfit.IGNORE)


def _selection(op: str) -> dict[str, tuple[str, ...]]:
    return {"names": (op,)} if _LITERAL.fullmatch(op) else {"patterns": (op,)}


def _others(named: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """All operators but those with settings of their own."""
    own = [re.escape(op) if _LITERAL.fullmatch(op) else op for op in named if op != DEFAULT]
    return {"patterns": (f"(?!(?:{'|'.join(own)})$).*",)} if own else {}


def _constraint(selection: Mapping[str, tuple[str, ...]], options: V1OpOptions | None, path: str, remarks: Remarks) -> OpConstraint | None:
    if options is None:
        return None
    tensors = {
        "activation": _tensor(options.activation, f"{path}.activation", remarks),
        "weight": _tensor(options.weight, f"{path}.weight", remarks),
    }
    if all(tensor == _ANYTHING for tensor in tensors.values()):
        return None
    return remarks.make(path, lambda: _made(selection, tensors), instead=None)


def _tensor(options: V1Activation | V1Weight | None, path: str, remarks: Remarks) -> TensorConstraint:
    if options is None:
        return _ANYTHING
    if isinstance(options, V1Weight):
        remarks.drop_given(options, path, ("bit",), "The number of bits is a data type today, such as int7.")
    else:
        remarks.drop_given(options, path, ("compute_dtype",), "The data type of dynamic activations is the target's.")
    if "placeholder" in (options.algorithm or ()):
        remarks.dropped(f"{path}.algorithm", "placeholder stood for no algorithm at all.")
    if "asym_float" in (options.scheme or ()):
        remarks.changed(f"{path}.scheme", "asym_float is read as asymmetric.")
    return _limits(options.dtype or (), options.scheme or (), options.granularity or (), options.algorithm or ())


@lru_cache(maxsize=256)
def _limits(dtypes: Names, schemes: Names, granularities: Names, algorithms: Names) -> TensorConstraint:
    """A constraint; files repeat the same few for thousands of operators."""
    return TensorConstraint(
        dtypes=dtypes,
        schemes=tuple(dict.fromkeys(_SCHEMES[name] for name in schemes)),
        granularities=granularities,
        algorithms=tuple(name for name in algorithms if name != "placeholder"),
    )
