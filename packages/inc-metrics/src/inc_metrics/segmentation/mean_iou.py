"""Mean intersection over union of segmentation maps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from inc_metrics.arrays import as_array
from inc_metrics.batches import as_labels, shapes_differ
from inc_metrics.classification.scores import class_axis_last
from inc_metrics.errors import MetricTypeError, MetricValueError
from inc_metrics.options import flag, whole_number
from inc_metrics.state import check_mergeable, no_data

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MOST_CLASSES = 1 << 15  # its table takes 8 GiB


class MeanIoU:
    """Mean over classes of intersection over union, all pixels of all images counted together.

    The IoU of a class is TP / (TP + FP + FN); a class that neither predictions nor targets have is left out of the mean.
    Predictions are label maps shaped like the targets, ``(N, H, W)`` or ``(H, W)``, or scores with the classes on ``class_axis``.
    State is one count per pair of classes and, with ``keep_images``, one such table per image.

    Args:
        num_classes: labels are from 0 to ``num_classes - 1``.
        ignore_index: a label of targets that marks pixels that do not count, often 255; None where there is none.
        class_axis: where the classes are in scores.
        keep_images: keep each image's counts for :meth:`resampled`; batches must then have a leading axis of images, or be one image
            ``(H, W)``.

    Raises:
        MetricValueError: fewer than one class, or an ignored label that is a class.
    """

    name: ClassVar[str] = "mean-iou"
    higher_is_better: ClassVar[bool] = True

    def __init__(self, num_classes: int, *, ignore_index: int | None = None, class_axis: int = 1, keep_images: bool = False) -> None:
        where = type(self).__name__
        self._num_classes = whole_number(num_classes, where=f"{where}(num_classes)", least=1)
        if self._num_classes > _MOST_CLASSES:
            raise MetricValueError(f"num_classes is {num_classes}", f"{where}(num_classes)", f"give {_MOST_CLASSES} or less")
        self._ignore_index = None if ignore_index is None else whole_number(ignore_index, where=f"{where}(ignore_index)")
        if self._ignore_index is not None and 0 <= self._ignore_index < self._num_classes:
            raise MetricValueError(
                f"ignore_index {ignore_index} is one of the {num_classes} classes",
                f"{where}(ignore_index)",
                "give a label outside; per_class() shows every class apart",
            )
        self._class_axis = whole_number(class_axis, where=f"{where}(class_axis)")
        self._keep_images = flag(keep_images, where=f"{where}(keep_images)")
        self.reset()

    def reset(self) -> None:
        """Forget everything taken in, but no option."""
        self._counts = np.zeros((self._num_classes, self._num_classes), dtype=np.int64)
        self._kept: list[NDArray[np.int64]] = []
        self._seen = False

    def update(self, predictions: Any, targets: Any) -> None:
        """Take in a batch of images, or one.

        Raises:
            MetricValueError: shapes that do not fit, nothing in the batch, or labels outside the classes.
            MetricTypeError: no numbers.
        """
        where = f"{type(self).__name__}.update"
        truth = as_array(targets, where=f"{where}(targets)")
        decided = self._decide(as_array(predictions, where=f"{where}(predictions)"), truth, where=where)
        if not truth.size:
            raise MetricValueError(f"The batch is empty: shape {truth.shape}", where, "leave out empty batches")
        if decided.shape != truth.shape:
            raise shapes_differ(decided, truth, where=where, fix="give one label per pixel, or scores with class_axis")
        wanted = self._wanted(truth)
        if wanted.any():
            rows = as_labels(truth[wanted], classes=self._num_classes, where=f"{where}(targets)")
            columns = as_labels(decided[wanted], classes=self._num_classes, where=f"{where}(predictions)")
        else:
            rows = columns = np.zeros(0, dtype=np.int64)
        cells = rows * self._num_classes + columns
        if self._keep_images:
            self._kept.extend(self._per_image(cells, wanted))
        self._counts += self._table(cells)
        self._seen = True

    def result(self) -> float:
        """Return the mean over the classes that occur.

        Raises:
            MetricValueError: no data was taken in, or no pixel counted.
        """
        return self._mean(self.confusion(), "result")

    def per_class(self) -> NDArray[np.float64]:
        """Return the IoU of every class, shape ``(num_classes,)``, NaN where it does not occur.

        Raises:
            MetricValueError: no data was taken in.
        """
        return _iou(self.confusion())

    def confusion(self) -> NDArray[np.int64]:
        """Return the number of pixels by target (row) and prediction (column), shape ``(num_classes, num_classes)``.

        Raises:
            MetricValueError: no data was taken in.
        """
        if not self._seen:
            raise no_data(self, "result")
        return self._counts.copy()

    def units(self) -> int:
        """Return the number of images, for which ``keep_images=True`` is needed.

        Raises:
            MetricValueError: images were not kept.
        """
        if not self._keep_images:
            name = type(self).__name__
            raise MetricValueError("Counts per image were not kept", f"{name}.units", f"make it with {name}(..., keep_images=True)")
        return len(self._kept)

    def resampled(self, indices: Any, /) -> float:
        """Return the result over the images ``indices``, repetitions counted.

        Raises:
            MetricValueError: images were not kept, an index outside them, or no pixel that counts.
            MetricTypeError: no whole numbers.
        """
        where = f"{type(self).__name__}.resampled"
        images = self.units()
        numbers = as_array(indices, where=where)
        if numbers.ndim != 1 or numbers.dtype.kind not in "iu":
            raise MetricTypeError(f"The indices are {numbers.dtype.name} of shape {numbers.shape}", where, "give whole numbers, shape (n,)")
        if not numbers.size or int(numbers.min()) < 0 or int(numbers.max()) >= images:
            raise MetricValueError(f"The indices do not lie in the {images} images", where, f"give at least one, from 0 to {images - 1}")
        weights = np.bincount(numbers, minlength=images)
        return self._mean(np.tensordot(weights, np.stack(self._kept), axes=1), "resampled")

    def merge(self, other: Self, /) -> None:
        """Take in everything that ``other`` has; ``other`` is unchanged.

        Raises:
            MetricTypeError: another kind of metric.
            MetricValueError: other options.
        """
        check_mergeable(self, other)
        self._counts += other._counts
        self._kept = [*self._kept, *other._kept]
        self._seen = self._seen or other._seen

    def _options(self) -> dict[str, object]:
        return {
            "num_classes": self._num_classes,
            "ignore_index": self._ignore_index,
            "class_axis": self._class_axis,
            "keep_images": self._keep_images,
        }

    def _decide(self, predictions: NDArray[Any], truth: NDArray[Any], *, where: str) -> NDArray[Any]:
        if predictions.ndim != truth.ndim + 1:
            return predictions
        scores = class_axis_last(predictions, self._class_axis, where=where)
        if scores.shape[-1] != self._num_classes:
            raise MetricValueError(
                f"Scores of shape {predictions.shape} have {scores.shape[-1]} classes on axis {self._class_axis}, not {self._num_classes}",
                where,
                "set class_axis or num_classes",
            )
        if scores.dtype.kind == "f" and np.isnan(scores).any():
            raise MetricValueError(
                f"{int(np.isnan(scores).sum())} of {scores.size} scores are NaN", where, "find the operator that produces NaN"
            )
        return np.asarray(scores.argmax(axis=-1))

    def _wanted(self, truth: NDArray[Any]) -> NDArray[np.bool_]:
        return np.asarray(truth != self._ignore_index) if self._ignore_index is not None else np.ones(truth.shape, dtype=np.bool_)

    def _table(self, cells: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.bincount(cells, minlength=self._num_classes**2).reshape(self._num_classes, self._num_classes)

    def _per_image(self, cells: NDArray[np.int64], wanted: NDArray[np.bool_]) -> list[NDArray[np.int64]]:
        stacked = wanted if wanted.ndim > 2 else wanted[np.newaxis]
        counts = np.count_nonzero(stacked.reshape(len(stacked), -1), axis=1)
        return [self._table(part) for part in np.split(cells, np.cumsum(counts)[:-1])]

    def _mean(self, table: NDArray[np.int64], method: str) -> float:
        values = _iou(table)
        occurring = values[~np.isnan(values)]
        if not occurring.size:
            raise MetricValueError("No pixel counts", f"{type(self).__name__}.{method}", "all targets are ignored; check ignore_index")
        return float(occurring.mean())


class V1MeanIoU(MeanIoU):
    """``mIOU`` of 1.x: pixels with a target outside the classes do not count; everything else is as in :class:`MeanIoU`.

    Args:
        num_classes: labels are from 0 to ``num_classes - 1``.
    """

    name: ClassVar[str] = "miou"

    def __init__(self, num_classes: int = 21) -> None:
        super().__init__(num_classes)

    def _wanted(self, truth: NDArray[Any]) -> NDArray[np.bool_]:
        return np.asarray((truth >= 0) & (truth < self._num_classes))


def mean_iou(predictions: Any, targets: Any, *, num_classes: int, ignore_index: int | None = None, class_axis: int = 1) -> float:
    """Return the mean intersection over union of some images; see :class:`MeanIoU`."""
    metric = MeanIoU(num_classes, ignore_index=ignore_index, class_axis=class_axis)
    metric.update(predictions, targets)
    return metric.result()


def _iou(table: NDArray[np.int64]) -> NDArray[np.float64]:
    shared = np.diagonal(table)
    union = table.sum(axis=0) + table.sum(axis=1) - shared
    return np.asarray(np.divide(shared, union, out=np.full(len(table), np.nan), where=union > 0))
