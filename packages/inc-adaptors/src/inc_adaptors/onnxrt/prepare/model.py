"""All preparation passes in order."""

from __future__ import annotations

from collections.abc import Mapping

from onnx import ModelProto

from inc_adaptors.onnxrt.graph import Graph, take_apart
from inc_adaptors.onnxrt.prepare.affine import fold_affine
from inc_adaptors.onnxrt.prepare.constants import fold_constants
from inc_adaptors.onnxrt.prepare.fused import separate_activations
from inc_adaptors.onnxrt.prepare.gemm import plain_gemms
from inc_adaptors.onnxrt.prepare.identities import remove_identities
from inc_adaptors.onnxrt.prepare.names import name_nodes
from inc_adaptors.onnxrt.prepare.opset import upgrade
from inc_adaptors.onnxrt.prepare.products import join_products
from inc_adaptors.onnxrt.prepare.sparse import densify
from inc_adaptors.onnxrt.shapes import TensorType


def prepare(model: ModelProto) -> Graph:
    """The graph that capabilities, calibration and emission share.

    Its outputs equal the model's up to float rounding. Every surviving node keeps its name; an unnamed or doubly named one gets a name that
    depends on the model alone. BatchNormalization and other per-channel affine steps are folded into the convolution or Gemm before them,
    MatMul and Add of matrices are one Gemm, factors, transposes and biases of a Gemm that no kernel takes are taken out of it, activations
    out of fused operators, constants folded, identities removed, operator sets below 13 upgraded (per-channel DequantizeLinear came with
    13).

    Raises:
        ModelError: the operator set cannot be upgraded.
    """
    graph, types = tidy(model)
    separate_activations(graph)
    plain_gemms(graph, types)
    join_products(graph, types)
    fold_affine(graph)
    return graph


def tidy(model: ModelProto) -> tuple[Graph, Mapping[str, TensorType]]:
    """The graph with every operator as its author wrote it, and its types; only names, operator set, constants and identities change.

    Raises:
        ModelError: the operator set cannot be upgraded.
    """
    graph = take_apart(upgrade(model), held=model.graph.initializer)
    name_nodes(graph.nodes)
    densify(graph)
    types = fold_constants(graph)
    remove_identities(graph)
    return graph, types
