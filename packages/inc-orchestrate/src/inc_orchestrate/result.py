"""The end of a pipeline: the model, what was done to it, and how well it does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
from inc_adaptors.handle import ModelHandle
from inc_strategy import Outcome

from inc_orchestrate.summary import Summary


@attrs.frozen(kw_only=True, eq=False)
class FitResult:
    """A compressed model and the evidence.

    ``handle`` carries masks, plan and quantization parameters; ``summary`` is everything the tables show, as data; ``outcome`` is
    what tuning found (None without a Quantize step).
    """

    handle: ModelHandle
    summary: Summary
    outcome: Outcome | None = None

    @property
    def model(self) -> Any:
        """The native model of the caller's framework (for ONNX a ``ModelProto``)."""
        return self.handle.native

    @property
    def is_feasible(self) -> bool:
        """Whether the accuracy criterion holds (True where there is none)."""
        return self.summary.accuracy.is_met

    def save(self, folder: str | Path) -> Path:
        """Write model, masks, plan and summary to a folder, as safetensors and JSON.

        Raises:
            StoreError: the folder cannot be written.
        """

    def __str__(self) -> str:
        return ""


def load(folder: str | Path, model: Any = None) -> Any:
    """Load the model that ``save`` wrote, as a native model; torch needs a fresh ``model`` of the same architecture.

    Raises:
        StoreError: damaged, incomplete or tampered with.
        ModelError: ``model`` is missing or does not fit.
    """
