"""A model's identity: structure and weights, not how the file writes them."""

from __future__ import annotations

import hashlib

from onnx import ModelProto, NodeProto

from inc_adaptors.onnxrt.tensors import raw_bytes, without_initializers


def fingerprint_of(model: ModelProto) -> str:
    """SHA-256 (hex) of graph, operator sets, functions and weights; producer, metadata and the order of initializers do not count."""
    running = hashlib.sha256()
    for entry in sorted((entry.domain, entry.version) for entry in model.opset_import):
        running.update(repr(entry).encode())
    for function in model.functions:
        running.update(function.SerializeToString(deterministic=True))
    graph = without_initializers(model.graph)
    graph.ClearField("value_info")
    for node in graph.node:
        _forget_remarks(node)
    running.update(graph.SerializeToString(deterministic=True))
    for tensor in sorted(model.graph.initializer, key=lambda tensor: tensor.name):
        running.update(repr((tensor.name, tensor.data_type, tuple(tensor.dims))).encode())
        running.update(raw_bytes(tensor))
    return running.hexdigest()


def _forget_remarks(node: NodeProto) -> None:
    node.ClearField("doc_string")
    node.ClearField("metadata_props")
