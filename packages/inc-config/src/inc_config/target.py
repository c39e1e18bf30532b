"""Where a model will run. Data types, placement of Q/DQ, saturation and latency all depend on it."""

from __future__ import annotations

import attrs

from inc_config.fields import Choice


class Runtime(Choice):
    """The engine that executes the compressed model."""

    ONNXRUNTIME = "onnxruntime"
    TORCH = "torch"
    TENSORFLOW = "tensorflow"
    MXNET = "mxnet"
    OPENVINO = "openvino"
    TENSORRT = "tensorrt"


class Isa(Choice):
    """The widest integer instruction set the engine may use.

    ``NATIVE`` is that of the machine at hand, found when operators are described.
    """

    NATIVE = "native"
    GENERIC = "generic"
    AVX2 = "avx2"
    AVX512 = "avx512"
    AVX512_VNNI = "avx512_vnni"
    AMX = "amx"
    ARM = "arm"


class Device(Choice):
    """The device that executes the model."""

    CPU = "cpu"
    CUDA = "cuda"
    XPU = "xpu"
    NPU = "npu"


@attrs.frozen(kw_only=True)
class Target:
    """Runtime, instruction set and device; keys every capability, plan digest and latency.

    Capabilities and plans name a concrete instruction set: adaptors put it in the place of ``NATIVE``.
    """

    runtime: Runtime = attrs.field(converter=Runtime)
    isa: Isa = attrs.field(default=Isa.NATIVE, converter=Isa)
    device: Device = attrs.field(default=Device.CPU, converter=Device)

    def __str__(self) -> str:
        return f"{self.runtime.value}, {self.isa.value}, {self.device.value}"
