"""From a ``dataloader`` or ``postprocess`` section to data by name."""

from __future__ import annotations

from inc_config.compat.document.loader import V1DataLoader, V1Postprocess
from inc_config.compat.document.model import Framework
from inc_config.compat.translate.remarks import Remarks
from inc_config.data import LastBatch, LoaderConfig
from inc_config.named import Named

DEFAULT_BATCH_SIZE = 64
"""What 1.14 took for a loader that does not say it."""

_DEVIATIONS = (0.229, 0.224, 0.225)
"""Default of 1.x's ResizeCropImagenet for ONNX models; a file cannot say another."""

_ONNX = tuple(framework for framework in Framework if framework.value.startswith("onnxrt"))
_WIDTH_FIRST = tuple(framework for framework in Framework if framework.value.startswith(("onnxrt", "tensorflow")))
"""Frameworks whose Resize handed its size to OpenCV as it was."""


def loader_of(loader: V1DataLoader | None, path: str, today: str, remarks: Remarks, *, static: bool = False) -> LoaderConfig | None:
    """A loader; ``static`` calibration never shuffled."""
    if loader is None:
        return None
    remarks.comes_from(path, today)
    remarks.comes_from(f"{path}.dataset.{loader.dataset[0].name}", f"{today}.dataset")
    for index, named in enumerate(loader.transform or ()):
        remarks.comes_from(f"{path}.transform.{named.name}", f"{today}.transforms[{index}]")
    if len(loader.dataset) > 1:
        remarks.dropped(f"{path}.dataset", f"Only {loader.dataset[0].name} is used, the first of several datasets, as before.")
    if loader.batch_size is None:
        remarks.changed(path, f"batch_size is not given; it was {DEFAULT_BATCH_SIZE}.", f"{today}.batch_size")
    if static and loader.shuffle:
        remarks.changed(f"{path}.shuffle", "Calibration reads data in their order, as before.", f"{today}.shuffle")
    if loader.filter and loader.dataset[0].name not in ("COCORecord", "COCORaw"):
        remarks.changed(f"{path}.filter", "LabelBalance filters COCORecord and COCORaw only.", f"{today}.filter")
    return LoaderConfig(
        dataset=loader.dataset[0],
        transforms=tuple(_transform(named, path, today, remarks) for named in loader.transform or ()),
        filter=loader.filter[0] if loader.filter else None,
        batch_size=loader.batch_size or DEFAULT_BATCH_SIZE,
        last_batch=LastBatch(loader.last_batch or "rollover"),
        shuffle=bool(loader.shuffle) and not static,
        distributed=bool(loader.distributed),
    )


def _transform(named: Named, path: str, today: str, remarks: Remarks) -> Named:
    if named.name == "ResizeCropImagenet" and remarks.framework in _ONNX:
        return _onnx_resize_crop(named, path, today, remarks)
    size = named.args.get("size", ())
    if len(size) == 1:  # a square
        return Named(named.name, {**named.args, "size": size[0]})
    if named.name == "Resize" and len(size) == 2 and size[0] != size[1] and remarks.framework in _WIDTH_FIRST:
        text = f"size was [width, height] for {remarks.framework.value}; it is [height, width] today."
        remarks.changed(f"{path}.transform.Resize.size", text, f"{today}.transforms")
        return Named(named.name, {**named.args, "size": size[::-1]})
    return named


def _onnx_resize_crop(named: Named, path: str, today: str, remarks: Remarks) -> Named:
    """For ONNX models 1.x divided by 255 and by deviations, and put channels first whatever it was told."""
    inner = f"{path}.transform.{named.name}"
    text = f"For ONNX models it gives (x / 255 - mean_value) / {list(_DEVIATIONS)} with channels first, as before."
    remarks.changed(inner, text, f"{today}.transforms")
    ignored = [name for name in ("scale", "data_format") if name in named.args]
    for name in ignored:
        remarks.dropped(f"{inner}.{name}", "It did not count for ONNX models.")
    return Named(named.name, {**{name: value for name, value in named.args.items() if name not in ignored}, "std_value": _DEVIATIONS})


def postprocess_of(postprocess: V1Postprocess | None, path: str, today: str, remarks: Remarks) -> tuple[Named, ...]:
    """Transforms of outputs and labels."""
    found = () if postprocess is None else postprocess.transform or ()
    remarks.comes_from(path, today)
    for index, named in enumerate(found):
        remarks.comes_from(f"{path}.transform.{named.name}", f"{today}[{index}]")
    return found
