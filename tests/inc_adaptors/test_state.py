"""A compression state survives being packed as arrays and JSON."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from inc_adaptors.handle import CompressionState, SurgeryRecord
from inc_adaptors.store import pack_state, unpack_state
from inc_config.errors import StoreError
from inc_config.frozen import FrozenMap
from inc_config.plan import OpId, OpPlan, QuantizationPlan, TensorPlan
from inc_config.target import Runtime, Target

PLAN = QuantizationPlan(target=Target(runtime=Runtime.TORCH), ops=FrozenMap({OpId("fc", 1, "Linear"): OpPlan(inputs=(TensorPlan(), None))}))
STATE = CompressionState(
    masks=FrozenMap({"fc.weight": np.eye(3, dtype=np.bool_)}),
    plan=PLAN,
    qparams=FrozenMap({"fc/input:0": (np.array(0.5, np.float32), np.array(3, np.int32))}),
    surgery=(SurgeryRecord(kind="swap", scope="fc", details=FrozenMap({"shape": (3, 3)})),),
    notes=("pruned", "quantized"),
)


def test_a_state_comes_back_through_json() -> None:
    arrays, document = pack_state(STATE)
    got = unpack_state({**arrays, "fc.weight": np.zeros(3)}, json.loads(json.dumps(document)))
    assert got.plan == PLAN
    assert got.plan is not None
    assert got.plan.digest == PLAN.digest
    assert got.surgery == STATE.surgery
    assert got.notes == STATE.notes
    assert got.masks.keys() == {"fc.weight"}
    assert np.array_equal(got.masks["fc.weight"], np.eye(3))
    scale, zero_point = got.qparams["fc/input:0"]
    assert (scale.item(), scale.dtype, zero_point.item(), zero_point.dtype) == (0.5, np.float32, 3, np.int32)


def test_an_empty_state_comes_back() -> None:
    got = unpack_state(*pack_state(CompressionState()))
    assert (got.plan, got.surgery, got.notes, dict(got.masks), dict(got.qparams)) == (None, (), (), {}, {})


def _without_zero_point(arrays: dict[str, Any], _: dict[str, Any]) -> None:
    del arrays["state.zero_point:fc/input:0"]


def _float_mask(arrays: dict[str, Any], _: dict[str, Any]) -> None:
    arrays["state.mask:fc.weight"] = np.ones((3, 3))


def _broken_plan(_: dict[str, Any], document: dict[str, Any]) -> None:
    document["plan"]["target"]["runtime"] = "abacus"


@pytest.mark.parametrize("spoil", [_without_zero_point, _float_mask, _broken_plan])
def test_a_damaged_state_is_refused(spoil: Any) -> None:
    arrays, document = pack_state(STATE)
    spoil(arrays, document)
    with pytest.raises(StoreError, match="damaged"):
        unpack_state(arrays, document)
