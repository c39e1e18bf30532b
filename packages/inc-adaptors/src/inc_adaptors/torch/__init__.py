"""The PyTorch adaptor's declaration; the adaptor itself is loaded when a model needs it."""

from __future__ import annotations

from inc_adaptors.detect import AdaptorSpec

ADAPTOR_SPEC = AdaptorSpec(
    name="torch",
    lineage=(("torch", "Module"),),
    extra="torch",
    load="inc_adaptors.torch.adaptor:TorchAdaptor",
)
