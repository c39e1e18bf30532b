"""Which runtime is the faster home of one ONNX model: measured here, side by side."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import attrs
import numpy as np
from inc_config.target import Runtime
from numpy.typing import NDArray

from inc_adaptors.onnxrt.sessions import create_session
from inc_adaptors.onnxrt.tensors import split
from inc_adaptors.openvino.runner import Runner
from inc_adaptors.parity import sqnr_db

Array = NDArray[Any]

CONFIDENCE = 0.95
_Z = 1.96  # of the normal distribution, for CONFIDENCE
_CALLS = 4  # per runtime and round


@attrs.frozen(kw_only=True)
class Deployment:
    """Seconds per call of both runtimes, and the ratio of onnxruntime's to OpenVINO's with its ``CONFIDENCE`` interval over rounds.

    ``sqnr_db`` is that of OpenVINO's outputs against onnxruntime's, the worst output: a low value says that they run different models.
    """

    onnxruntime_s: float
    openvino_s: float
    ratio: float
    low: float
    high: float
    sqnr_db: float

    @property
    def choice(self) -> Runtime | None:
        """The faster runtime; None where the interval holds 1."""
        if self.low > 1.0:
            return Runtime.OPENVINO
        return Runtime.ONNXRUNTIME if self.high < 1.0 else None

    def __str__(self) -> str:
        verdict = "no difference to be sure of" if self.choice is None else f"{self.choice.value} is faster"
        return (
            f"onnxruntime {self.onnxruntime_s * 1e3:.3g} ms, openvino {self.openvino_s * 1e3:.3g} ms: "
            f"{self.ratio:.2f}x [{self.low:.2f}, {self.high:.2f}], {verdict}"
        )


def deployment(model: Any, feed: Mapping[str, Array], *, threads: int = 1, rounds: int = 25) -> Deployment:
    """Time an ``onnx.ModelProto`` in onnxruntime and in OpenVINO, interleaved, in alternating order.

    Args:
        model: as it would be deployed.
        feed: one batch of inputs by name.
        threads: of each runtime; neither runs while the other is timed.
        rounds: pairs of timings.

    Raises:
        ModelError: one of the runtimes is not installed or cannot run the model.
    """
    session, runner = create_session(split(model), threads=threads), Runner(model, threads=threads)
    runs: tuple[Callable[[], list[Array]], ...] = (lambda: session.run(None, feed), lambda: runner.run(feed))
    first, second = (run() for run in runs)
    times = np.zeros((rounds, 2))
    for index in range(-2, rounds):  # two rounds of warming up
        for which in (0, 1) if index % 2 else (1, 0):
            taken = _seconds(runs[which])
            if index >= 0:
                times[index, which] = taken
    ratios = np.sort(times[:, 0] / times[:, 1])
    reach = int(np.ceil(_Z * np.sqrt(rounds) / 2.0))  # order statistics that enclose the median
    middle = rounds // 2
    medians = np.median(times, axis=0)
    return Deployment(
        onnxruntime_s=float(medians[0]),
        openvino_s=float(medians[1]),
        ratio=float(np.median(ratios)),
        low=float(ratios[max(0, middle - reach)]),
        high=float(ratios[min(rounds - 1, middle + reach)]),
        sqnr_db=min(sqnr_db(x, y) for x, y in zip(first, second, strict=True)),
    )


def _seconds(run: Callable[[], object]) -> float:
    began = time.perf_counter()
    for _ in range(_CALLS):
        run()
    return (time.perf_counter() - began) / _CALLS
