"""All preparation passes in order."""

from __future__ import annotations

from onnx import ModelProto

from inc_adaptors.onnxrt.graph import Graph, take_apart
from inc_adaptors.onnxrt.prepare.affine import fold_affine
from inc_adaptors.onnxrt.prepare.constants import fold_constants
from inc_adaptors.onnxrt.prepare.identities import remove_identities
from inc_adaptors.onnxrt.prepare.names import name_nodes
from inc_adaptors.onnxrt.prepare.opset import upgrade
from inc_adaptors.onnxrt.prepare.products import join_products


def prepare(model: ModelProto) -> Graph:
    """The graph that capabilities, calibration and emission share.

    Its outputs equal the model's up to float rounding. Every surviving node keeps its name; an unnamed or doubly named one gets a name that
    depends on the model alone. BatchNormalization and other per-channel affine steps are folded into the convolution or Gemm before them,
    MatMul and Add of matrices are one Gemm, constants are folded, identities removed, operator sets below 13 upgraded (per-channel
    DequantizeLinear came with 13).

    Raises:
        ModelError: the operator set cannot be upgraded.
    """
    graph = take_apart(upgrade(name_nodes(model)))
    types = fold_constants(graph)
    remove_identities(graph)
    join_products(graph, types)
    fold_affine(graph)
    return graph
