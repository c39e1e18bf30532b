import numpy as np
import onnx
import pytest
from inc_adaptors.detect import adaptor_for
from inc_orchestrate import memory
from inc_orchestrate.memory import peak_memory_bytes
from onnx import TensorProto, helper, numpy_helper


def linear(width: int) -> onnx.ModelProto:
    weight = numpy_helper.from_array(np.ones((width, width), dtype=np.float32), "w")
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", width])]
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", width])]
    graph = helper.make_graph([helper.make_node("MatMul", ["x", "w"], ["y"])], "linear", inputs, outputs, [weight])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def peak(width: int) -> int:
    proto = linear(width)
    adaptor = adaptor_for(proto)
    found = peak_memory_bytes(adaptor, adaptor.open(proto), np.ones((1, width), dtype=np.float32))
    assert found is not None
    return found


def test_a_large_model_takes_at_least_its_weights_and_more_than_a_small_one() -> None:
    # 2000 x 2000 floats are 16 MB; a few pages may have been resident before.
    assert peak(2000) > 15e6 > peak(100)


def test_where_the_system_does_not_tell_nothing_is_claimed(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    monkeypatch.setattr(memory, "_STATUS", memory.Path(str(tmp_path)) / "none")
    proto = linear(4)
    adaptor = adaptor_for(proto)
    assert peak_memory_bytes(adaptor, adaptor.open(proto), np.ones((1, 4), dtype=np.float32)) is None
