"""Write the quantized model where the user wants it."""

from __future__ import annotations

from pathlib import Path

import onnx
from inc_config.errors import ModelError, StoreError
from inc_config.files import atomic_write
from onnx import ModelProto

from inc_adaptors.onnxrt.tensors import weights_bytes

_ONE_FILE_BYTES = 2_000_000_000  # of protobuf's 2 GiB
_SMALL_BYTES = 1024  # weights that stay in the model's own file


def write_model(model: ModelProto, path: Path, *, beside: bool) -> None:
    """One file, or with ``beside`` the weights in ``<name>.data``.

    Raises:
        ModelError: too large for one file.
        StoreError: it cannot be written.
    """
    if not beside and weights_bytes(model) > _ONE_FILE_BYTES:
        raise ModelError("The quantized model is too large for one file.", where=str(path), fix="give use_external_data_format=True")
    try:
        if beside:
            onnx.save(model, path, save_as_external_data=True, location=f"{path.name}.data", size_threshold=_SMALL_BYTES)
        else:
            atomic_write(path, model.SerializeToString())
    except OSError as error:
        raise StoreError(
            f"The model cannot be written: {error.strerror or error}.", where=str(path), fix="give a path you may write"
        ) from error
