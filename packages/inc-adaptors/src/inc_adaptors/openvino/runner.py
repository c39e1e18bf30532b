"""Run an ONNX model with OpenVINO on the CPU."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from inc_config.errors import ModelError
from numpy.typing import NDArray

from inc_adaptors.onnxrt.storing import MODEL_FILE, model_files
from inc_adaptors.openvino.signals import signal_stack_kept

Array = NDArray[Any]


class Runner:
    """A compiled model; ``run`` maps inputs by name to outputs in the model's order.

    Args:
        model: an ``onnx.ModelProto``, QDQ or float.
        threads: of inference; 0 is OpenVINO's default.
        timed: count the time of every node, for ``times``.

    Raises:
        ModelError: OpenVINO is not installed, or cannot run the model.
    """

    def __init__(self, model: Any, *, threads: int = 1, timed: bool = False) -> None:
        try:
            import openvino  # noqa: PLC0415  (an extra: only who asks for this runtime needs it)
        except ImportError as error:
            raise ModelError("OpenVINO is not installed.", where="runtime openvino", fix="pip install 'inc-adaptors[openvino]'") from error
        # Float operators stay in float32, those that the model itself has in bf16 stay so: OpenVINO would take bf16 for all of them where
        # the processor has it, which is another model.
        options: dict[str, Any] = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}
        if timed:
            options["PERF_COUNT"] = True
        if threads:
            options["INFERENCE_NUM_THREADS"] = threads
        with tempfile.TemporaryDirectory(prefix="inc-openvino-") as name:
            for file, data in model_files(model).items():
                (Path(name) / file).write_bytes(data)
            try:
                core = openvino.Core()
                with signal_stack_kept():
                    self._compiled = core.compile_model(core.read_model(str(Path(name) / MODEL_FILE)), "CPU", options)
            except RuntimeError as error:
                raise _refusal(error) from error
        self._request = self._compiled.create_infer_request()

    def run(self, feed: Mapping[str, Array]) -> list[Array]:
        """Outputs of one batch.

        Raises:
            ModelError: an operator fails on it.
        """
        try:
            made = self._request.infer(dict(feed), share_inputs=True)
        except (RuntimeError, TypeError, ValueError) as error:
            raise _refusal(error) from error
        return [made[index].copy() for index in range(len(self._compiled.outputs))]

    def times(self) -> dict[str, tuple[str, str, float]]:
        """Type, kernel and seconds of every node that the last ``run`` executed, inputs and outputs aside."""
        found = self._request.get_profiling_info()
        return {
            item.node_name: (item.node_type, item.exec_type, item.real_time.total_seconds())
            for item in found
            if item.status.name == "EXECUTED" and item.node_type not in ("Input", "Output")
        }


def _refusal(error: Exception) -> ModelError:
    import openvino  # noqa: PLC0415  (an extra)

    said = (str(error).strip().splitlines() or [type(error).__name__])[-1].removeprefix("-- ")
    return ModelError(
        f"OpenVINO {openvino.__version__.partition('-')[0]} cannot run the model: {said}",
        where="the model given",
        fix="run it in onnxruntime, or export it with a newer operator set",
    )
