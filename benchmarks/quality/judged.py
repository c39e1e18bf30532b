"""Held-out data of each model, and how right outputs are on it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray
from quality.training import held_out

Array = NDArray[Any]

_EVALUATION, _CALIBRATION = 9, 5  # seeds, apart from the one that training uses
EXAMPLES = Path(__file__).parents[2] / "examples"


@attrs.frozen(kw_only=True, eq=False)
class Judged:
    """``right`` maps outputs to one figure per sample or, where only the whole set has one, to a single figure.

    ``compared`` gives what the SQNR is taken of.
    """

    inputs: Array
    right: Callable[[Array], Array]
    calibration: Callable[[int], Array]
    compared: Callable[[Array], Array] = lambda outputs: outputs


def labelled_data(name: str, count: int) -> Judged:
    """Classification: a sample is right or wrong."""
    data = held_out(name, count, seed=_EVALUATION)
    return Judged(
        inputs=data.inputs,
        right=lambda outputs: (outputs.argmax(axis=1) == data.labels).astype(np.float64),
        calibration=lambda samples: held_out(name, samples, seed=_CALIBRATION).inputs,
    )


def detector_data(count: int) -> Judged:
    """Detection: mean average precision of the whole set; boxes, in pixels, and scores count alike in the SQNR."""
    if str(EXAMPLES) not in sys.path:
        sys.path.insert(0, str(EXAMPLES))
    import detector
    from inc_metrics import CocoMeanAP

    scenes = detector.scenes(count, seed=_EVALUATION)

    def precision(outputs: Array) -> Array:
        metric = CocoMeanAP()
        targets = [{"boxes": scene.boxes * detector.PIXELS, "labels": scene.labels} for scene in scenes]
        metric.update([detector.detections(output) for output in outputs], targets)
        return np.array([float(metric.result())])

    return Judged(
        inputs=np.stack([scene.image for scene in scenes]),
        right=precision,
        calibration=lambda samples: np.stack([scene.image for scene in detector.scenes(samples, seed=_CALIBRATION)]),
        compared=lambda outputs: np.concatenate([outputs[..., :4] / (detector.SIDE * detector.PIXELS), outputs[..., 4:]], axis=-1),
    )
