"""A compression state as arrays and JSON, for adaptors' ``to_saved`` and ``from_saved``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
import numpy as np
from inc_config.convert import structure, unstructure
from inc_config.errors import ConfigError, StoreError
from inc_config.frozen import FrozenMap, freeze_map
from inc_config.plan import QuantizationPlan
from numpy.typing import NDArray

from inc_adaptors.handle import CompressionState, SurgeryRecord

_MASK, _SCALE, _ZERO_POINT = "state.mask:", "state.scale:", "state.zero_point:"


@attrs.frozen(kw_only=True)
class _Surgery:
    kind: str
    scope: str
    details: FrozenMap[str, Any] = attrs.field(converter=freeze_map)


@attrs.frozen(kw_only=True)
class _State:
    plan: QuantizationPlan | None = None
    surgery: tuple[_Surgery, ...] = ()
    notes: tuple[str, ...] = ()


def pack_state(state: CompressionState) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Arrays (names that start with ``state.``) and a JSON-ready document that ``unpack_state`` reads back."""
    arrays: dict[str, NDArray[Any]] = {f"{_MASK}{name}": mask for name, mask in state.masks.items()}
    for key, (scale, zero_point) in state.qparams.items():
        arrays[f"{_SCALE}{key}"] = scale
        arrays[f"{_ZERO_POINT}{key}"] = zero_point
    surgery = tuple(_Surgery(kind=record.kind, scope=record.scope, details=record.details) for record in state.surgery)
    document: dict[str, Any] = unstructure(_State(plan=state.plan, surgery=surgery, notes=state.notes))
    return arrays, document


def unpack_state(arrays: Mapping[str, NDArray[Any]], document: Any) -> CompressionState:
    """Read what ``pack_state`` wrote, out of arrays that may hold more.

    Raises:
        StoreError: the document or an array is not of that form.
    """
    try:
        state = structure(document, _State)
    except ConfigError as error:
        raise _damaged(error.what) from error
    masks = _under(_MASK, arrays)
    scales, zero_points = _under(_SCALE, arrays), _under(_ZERO_POINT, arrays)
    if any(mask.dtype != np.bool_ for mask in masks.values()):
        raise _damaged("a mask is not boolean")
    if scales.keys() != zero_points.keys() or any(scales[key].shape != zero_points[key].shape for key in scales):
        raise _damaged("scales and zero points do not go together")
    return CompressionState(
        masks=FrozenMap(masks),
        plan=state.plan,
        qparams=FrozenMap({key: (scales[key].astype(np.float32), zero_points[key].astype(np.int32)) for key in scales}),
        surgery=tuple(SurgeryRecord(kind=record.kind, scope=record.scope, details=record.details) for record in state.surgery),
        notes=state.notes,
    )


def _under(prefix: str, arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}


def _damaged(detail: str) -> StoreError:
    return StoreError(f"The saved compression state is damaged: {detail}.", where="state", fix="save the model again")
