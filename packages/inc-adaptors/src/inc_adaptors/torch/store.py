"""A torch handle as arrays and JSON, and back on a fresh module of the same architecture."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs
import numpy as np
import torch
from inc_config.convert import structure, unstructure
from inc_config.errors import ModelError, StoreError
from inc_config.frozen import FrozenMap, freeze_map, thaw
from inc_config.plan import QuantizationPlan
from numpy.typing import NDArray
from torch import nn

from inc_adaptors.handle import CompressionState, ModelHandle, SurgeryRecord
from inc_adaptors.roles import SavedModel
from inc_adaptors.torch import half
from inc_adaptors.torch.int8 import Int8Operator
from inc_adaptors.torch.surgery import KIND, empty_module, swap_of, swapped_copy

_WEIGHTS, _MASKS, _SCALES, _ZEROS = "weights/", "masks/", "scales/", "zero_points/"
_NUMPY_LACKS = {"bfloat16": torch.bfloat16}


def to_saved(handle: ModelHandle) -> SavedModel:
    """State-dict tensors (shared ones once), masks and quantization parameters as arrays; surgery, plan and notes as the document."""
    arrays: dict[str, NDArray[Any]] = {}
    first: dict[tuple[Any, ...], str] = {}
    aliases: dict[str, str] = {}
    types: dict[str, str] = {}
    for name, tensor in _tensors(handle.native).items():
        place = (tensor.data_ptr(), tensor.dtype, tuple(tensor.shape), tensor.stride())
        if tensor.numel() and place in first:
            aliases[name] = first[place]
            continue
        first[place] = name
        plain = tensor.detach().cpu().contiguous()
        kind = str(plain.dtype).removeprefix("torch.")
        if kind in _NUMPY_LACKS:
            types[name] = kind
            plain = plain.view(torch.int16)
        arrays[_WEIGHTS + name] = plain.numpy().copy()
    state = handle.state
    arrays |= {_MASKS + name: mask for name, mask in state.masks.items()}
    for key, (scale, zero_point) in state.qparams.items():
        arrays[_SCALES + key], arrays[_ZEROS + key] = np.asarray(scale), np.asarray(zero_point)
    document = {
        "class": f"{type(handle.native).__module__}.{type(handle.native).__qualname__}",
        "surgery": [{"kind": r.kind, "scope": r.scope, "details": thaw(r.details)} for r in state.surgery],
        "plan": None if state.plan is None else unstructure(state.plan),
        "notes": list(state.notes),
        "aliases": aliases,
        "types": types,
    }
    return SavedModel(arrays=arrays, document=document)


def from_saved(saved: SavedModel, model: Any, open_model: Callable[[Any], ModelHandle]) -> ModelHandle:
    """Replay surgery on a copy of ``model`` and load the tensors; the result predicts what the saved handle predicted, bit for bit.

    Raises:
        ModelError: no model was given, or its architecture is another one (names what is missing, unexpected and of another shape).
        StoreError: the document or the arrays are not what ``to_saved`` writes.
    """
    if model is None:
        raise ModelError(
            f"A saved PyTorch model holds no code; it was made from {saved.document.get('class', 'an unknown class')}.",
            where="load(..., model=None)",
            fix="give a fresh instance of the same class: load(path, model=MyNet())",
        )
    handle = open_model(model)
    document = _Document.read(saved.document)
    native = _rebuilt(handle.native, document.surgery)
    _load(native, saved.arrays, document)
    native.eval()
    return attrs.evolve(handle, native=native, state=_state(saved.arrays, document))


@attrs.frozen(kw_only=True)
class _Document:
    surgery: tuple[SurgeryRecord, ...]
    plan: QuantizationPlan | None
    notes: tuple[str, ...]
    aliases: Mapping[str, str]
    types: Mapping[str, torch.dtype]

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> _Document:
        """Read the saved document, believing nothing of it."""
        try:
            plan = document["plan"]
            return cls(
                surgery=tuple(
                    SurgeryRecord(kind=str(r["kind"]), scope=str(r["scope"]), details=freeze_map(r["details"])) for r in document["surgery"]
                ),
                plan=None if plan is None else structure(plan, QuantizationPlan, source="saved plan"),
                notes=tuple(str(note) for note in document["notes"]),
                aliases=dict(document["aliases"]),
                types={str(name): _NUMPY_LACKS[kind] for name, kind in document["types"].items()},
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise StoreError(f"The saved document cannot be read: {error!r}.", where="saved model", fix="save the model again") from error


def _rebuilt(model: nn.Module, records: tuple[SurgeryRecord, ...]) -> nn.Module:
    modules = dict(model.named_modules())
    made: dict[str, Int8Operator] = {}
    folded: list[str] = []
    halves = {record.scope: half.dtype_of(record) for record in records if record.kind == half.KIND}
    for record in records:
        if record.kind == half.KIND:
            _check_layer(modules, record.scope)
            continue
        if record.kind != KIND:
            raise StoreError(f"Unknown surgery {record.kind!r}.", where=record.scope, fix="load it with the version that saved it")
        swap = swap_of(record)
        made[swap.scope] = empty_module(_check_layer(modules, swap.scope, *swap.folded), swap)
        folded += swap.folded
    return half.half_copy(model, halves) if halves and not made else swapped_copy(model, made, folded)


def _check_layer(modules: Mapping[str, nn.Module], scope: str, *folded: str) -> nn.Module:
    """The layer at a scope, where it is one that can be replaced and what was folded into it is there too."""
    lost = [path for path in (scope, *folded) if path not in modules]
    if lost:
        raise _mismatch(missing=lost, unexpected=[], different=[])
    layer = modules[scope]
    if not isinstance(layer, nn.Conv1d | nn.Conv2d | nn.Linear):
        raise _mismatch(missing=[], unexpected=[], different=[f"{scope} is a {type(layer).__name__}"])
    return layer


def _load(native: nn.Module, arrays: Mapping[str, NDArray[Any]], document: _Document) -> None:
    held = _tensors(native)
    names = {key.removeprefix(_WEIGHTS): key for key in arrays if key.startswith(_WEIGHTS)}
    names |= {alias: _WEIGHTS + name for alias, name in document.aliases.items() if _WEIGHTS + name in arrays}
    given = {name: _tensor(arrays[key], document.types.get(key.removeprefix(_WEIGHTS))) for name, key in names.items()}
    different = [
        f"{name} {_kind(given[name])}, the model has {_kind(held[name])}"
        for name in held.keys() & given.keys()
        if _kind(held[name]) != _kind(given[name])
    ]
    missing, unexpected = sorted(held.keys() - given.keys()), sorted(given.keys() - held.keys())
    if missing or unexpected or different:
        raise _mismatch(missing=missing, unexpected=unexpected, different=sorted(different))
    native.load_state_dict(given, strict=False)


def _tensors(model: nn.Module) -> dict[str, torch.Tensor]:
    """The state dict's tensors (what modules add to it that is none is rebuilt by their own code)."""
    return {name: value for name, value in model.state_dict().items() if isinstance(value, torch.Tensor)}


def _tensor(array: NDArray[Any], kind: torch.dtype | None) -> torch.Tensor:
    tensor = torch.from_numpy(np.array(array))
    return tensor if kind is None else tensor.view(kind)


def _kind(tensor: torch.Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {tuple(tensor.shape)}"


def _mismatch(*, missing: list[str], unexpected: list[str], different: list[str]) -> ModelError:
    parts = (("not saved", missing), ("not in the model", unexpected), ("different", different))
    text = "; ".join(
        f"{title}: {', '.join(names[:5])}{f' and {len(names) - 5} more' if len(names) > 5 else ''}" for title, names in parts if names
    )
    return ModelError(
        f"The model is not the one that was saved: {text}.",
        where="load(..., model=...)",
        fix="give a fresh instance of the same architecture",
    )


def _state(arrays: Mapping[str, NDArray[Any]], document: _Document) -> CompressionState:
    masks = {key.removeprefix(_MASKS): np.asarray(array, np.bool_) for key, array in arrays.items() if key.startswith(_MASKS)}
    scales = {key.removeprefix(_SCALES): array for key, array in arrays.items() if key.startswith(_SCALES)}
    zeros = {key.removeprefix(_ZEROS): array for key, array in arrays.items() if key.startswith(_ZEROS)}
    if scales.keys() != zeros.keys():
        odd = ", ".join(sorted(scales.keys() ^ zeros.keys()))
        raise StoreError(f"A scale or a zero point is missing: {odd}.", where="saved model", fix="save the model again")
    qparams = {key: (scale, zeros[key]) for key, scale in scales.items()}
    return CompressionState(
        masks=FrozenMap(masks), plan=document.plan, qparams=FrozenMap(qparams), surgery=document.surgery, notes=document.notes
    )
