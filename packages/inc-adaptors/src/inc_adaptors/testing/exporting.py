# ruff: noqa: S101 - the suites are tests
"""The laws of ``roles.Exports``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inc_adaptors.batches import leaves, take, to_numpy
from inc_adaptors.roles import Exports
from inc_adaptors.testing.case import Case, assert_close


class ExportsConformance:
    """A model handed to ONNX Runtime."""

    def test_the_adaptor_has_the_role(self, case: Case) -> None:
        """``require`` finds it."""
        assert isinstance(case.adaptor, Exports)

    def test_the_exported_model_agrees_for_every_batch_size(self, case: Case, tmp_path: Path) -> None:
        """Within 1e-4 of the framework's own outputs, from one file with a dynamic batch axis."""
        runtime: Any = pytest.importorskip("onnxruntime", reason="comparing needs ONNX Runtime, an extra of inc-adaptors")
        handle = case.open()
        before = case.adaptor.fingerprint(handle)
        path = case.adaptor.export_onnx(handle, tmp_path / "model.onnx", example_inputs=case.batches[0])
        session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        for batch in (*case.batches, take(case.batches[0], 1)):
            arrays = [to_numpy(leaf) for _, leaf in leaves(batch)]
            feeds = {given.name: array for given, array in zip(session.get_inputs(), arrays, strict=True)}
            got = tuple(np.asarray(output) for output in session.run(None, feeds))
            assert_close(got, case.adaptor.predict(handle, batch), tolerance=1e-4)
        assert case.adaptor.fingerprint(handle) == before
