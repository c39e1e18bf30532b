from __future__ import annotations

import numpy as np
from graphs import mlp
from inc_adaptors.onnxrt.fingerprint import fingerprint_of
from onnx import ModelProto, numpy_helper


def test_how_a_file_writes_a_model_does_not_matter() -> None:
    model = mlp()
    other = ModelProto()
    other.CopyFrom(model)
    tensors = list(other.graph.initializer)[::-1]
    tensors[0].float_data.extend(numpy_helper.to_array(tensors[0]).ravel().tolist())
    tensors[0].ClearField("raw_data")
    del other.graph.initializer[:]
    other.graph.initializer.extend(tensors)
    other.producer_name = "someone else"
    other.graph.node[0].doc_string = "a remark"
    assert fingerprint_of(other) == fingerprint_of(model)


def test_weights_structure_and_operator_set_do() -> None:
    prints = {fingerprint_of(mlp())}
    weight, attribute, opset = mlp(), mlp(), mlp()
    weight.graph.initializer[0].CopyFrom(numpy_helper.from_array(np.zeros((64, 32), np.float32), weight.graph.initializer[0].name))
    attribute.graph.node[1].op_type = "Sigmoid"
    opset.opset_import[0].version = 18
    prints |= {fingerprint_of(model) for model in (weight, attribute, opset)}
    assert len(prints) == 4
