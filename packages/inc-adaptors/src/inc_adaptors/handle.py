"""A model as the system sees it: native object, signature, and everything done to it so far."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
from inc_config.frozen import FrozenMap
from inc_config.plan import QuantizationPlan
from numpy.typing import NDArray


@attrs.frozen(kw_only=True)
class TensorSpec:
    """One input or output: ``shape`` has None for dynamic axes (axis 0 is the batch), ``dtype`` is numpy's name (``"float32"``)."""

    name: str
    shape: tuple[int | None, ...]
    dtype: str = "float32"


@attrs.frozen(kw_only=True)
class Signature:
    """Inputs and outputs in the model's own order; empty where the framework does not say (a torch module before it has run).

    ``required_inputs`` is how many inputs the model cannot do without, where the framework says that but not their names and shapes.
    """

    inputs: tuple[TensorSpec, ...] = ()
    outputs: tuple[TensorSpec, ...] = ()
    required_inputs: int | None = None

    @property
    def expected(self) -> tuple[str, ...] | int | None:
        """What tells a batch's inputs from its targets: the inputs' names, else their number, else None."""
        return tuple(spec.name for spec in self.inputs) or self.required_inputs


@attrs.frozen(kw_only=True)
class SurgeryRecord:
    """One ordered structural change (``kind`` such as ``"swap_int8_conv"``), enough to replay it on a fresh copy of the model."""

    kind: str
    scope: str
    details: FrozenMap[str, Any] = attrs.field(factory=FrozenMap)


@attrs.frozen(kw_only=True, eq=False)
class CompressionState:
    """What has been done to a model.

    ``masks`` map a weight's name to a bool array of the weight's own shape (True keeps); ``qparams`` map ``TensorKey`` text to
    ``(scale, zero_point)`` arrays; ``notes`` is provenance: one line per stage.
    """

    masks: FrozenMap[str, NDArray[np.bool_]] = attrs.field(factory=FrozenMap)
    plan: QuantizationPlan | None = None
    qparams: FrozenMap[str, tuple[NDArray[np.float32], NDArray[np.int32]]] = attrs.field(factory=FrozenMap)
    surgery: tuple[SurgeryRecord, ...] = ()
    notes: tuple[str, ...] = ()


@attrs.frozen(kw_only=True, eq=False)
class ModelHandle:
    """A native model with its signature and compression state. Handles are replaced, never changed.

    ``framework`` is the adaptor's name (``"torch"``, ``"onnxrt"``); ``native`` the framework's own object (for ONNX a ``ModelProto``).
    """

    framework: str
    native: Any
    signature: Signature = attrs.field(factory=Signature)
    state: CompressionState = attrs.field(factory=CompressionState)
