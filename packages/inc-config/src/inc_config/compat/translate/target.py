"""From ``model`` and ``device`` to a target, a graph format and names of tensors."""

from __future__ import annotations

from inc_config.compat.document.model import Framework, V1Model
from inc_config.compat.translate.remarks import Remarks
from inc_config.pipeline import ModelConfig
from inc_config.quantization import GraphFormat
from inc_config.target import Device, Runtime, Target

RUNTIMES = {
    Framework.TENSORFLOW: Runtime.TENSORFLOW,
    Framework.TENSORFLOW_ITEX: Runtime.TENSORFLOW,
    Framework.PYTORCH: Runtime.TORCH,
    Framework.PYTORCH_IPEX: Runtime.TORCH,
    Framework.PYTORCH_FX: Runtime.TORCH,
    Framework.MXNET: Runtime.MXNET,
    Framework.ONNXRT_QLINEAROPS: Runtime.ONNXRUNTIME,
    Framework.ONNXRT_INTEGEROPS: Runtime.ONNXRUNTIME,
    Framework.ONNXRT_QDQ: Runtime.ONNXRUNTIME,
    Framework.ONNXRT_QOPERATOR: Runtime.ONNXRUNTIME,
}
"""Engines by 1.x framework."""

BACKENDS = {
    "ipex": Runtime.TORCH,
    "itex": Runtime.TENSORFLOW,
    "onnxrt_trt_ep": Runtime.TENSORRT,
    "onnxrt_dnnl_ep": Runtime.ONNXRUNTIME,
    "onnxrt_cuda_ep": Runtime.ONNXRUNTIME,
    "onnxrt_dml_ep": Runtime.ONNXRUNTIME,
}
"""Engines by 2.x backend; ``default`` is the model's own."""

FORMATS = {
    Framework.ONNXRT_QDQ: GraphFormat.QDQ,
    Framework.ONNXRT_QLINEAROPS: GraphFormat.QOPERATOR,
    Framework.ONNXRT_QOPERATOR: GraphFormat.QOPERATOR,
}
"""Formats of quantized ONNX graphs by 1.x framework."""

_EXTENSIONS = (Framework.TENSORFLOW_ITEX, Framework.PYTORCH_IPEX)


def target_of_framework(framework: Framework, device: str = "cpu") -> Target | None:
    """The target of a 1.x framework on the machine at hand; None for ``NA``, which is found out from the model."""
    if framework is Framework.AUTO:
        return None
    return Target(runtime=RUNTIMES[framework], device=Device.CUDA if device == "gpu" else Device.CPU)


def target_of_backend(backend: str, device: str = "cpu") -> Target | None:
    """The target of a 2.x backend on the machine at hand; None for ``default``, which is found out from the model."""
    runtime = BACKENDS.get(backend)
    is_gpu = device == "gpu" or backend in ("onnxrt_cuda_ep", "onnxrt_trt_ep")
    return None if runtime is None else Target(runtime=runtime, device=Device.CUDA if is_gpu else Device.CPU)


def target_of(model: V1Model | None, device: str | None, remarks: Remarks) -> Target | None:
    """The target that ``model.framework`` and ``device`` name."""
    framework = Framework.AUTO if model is None else model.framework
    target = target_of_framework(framework, device or "cpu")
    if target is None:
        if device == "gpu":
            remarks.changed("$.device", "The framework is found out from the model; name target.device cuda for a GPU.")
        return None
    if framework in _EXTENSIONS:
        remarks.changed("$.model.framework", f"{framework.value} is an extension of {target.runtime.value}, which is the target.")
    return target


def model_of(model: V1Model | None, remarks: Remarks) -> ModelConfig:
    """The model's name and tensors."""
    remarks.comes_from("$.model", "$.model")
    return ModelConfig() if model is None else ModelConfig(name=model.name, inputs=model.inputs or (), outputs=model.outputs or ())
