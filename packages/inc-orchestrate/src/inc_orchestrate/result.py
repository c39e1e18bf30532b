"""The end of a pipeline: the model, what was done to it, and how well it does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
from inc_adaptors import store
from inc_adaptors.detect import adaptor_for, adaptor_named
from inc_adaptors.handle import ModelHandle
from inc_adaptors.roles import Stores, require
from inc_config.convert import structure, unstructure
from inc_config.errors import ModelError, StoreError
from inc_strategy import Outcome

from inc_orchestrate.summary import Summary
from inc_orchestrate.tables import render, terminal_width, to_text

_EXTRA = "summary.json"


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
        stores = require(adaptor_named(self.handle.framework), Stores, step="save")
        extra = {_EXTRA: {"framework": self.handle.framework, "summary": unstructure(self.summary)}}
        return store.save(stores.to_saved(self.handle), folder, extra=extra)

    def __str__(self) -> str:
        return to_text(render(self.summary), width=terminal_width())


def load(folder: str | Path, model: Any = None) -> Any:
    """Load the model that ``save`` wrote, as a native model; torch needs a fresh ``model`` of the same architecture.

    Raises:
        StoreError: damaged, incomplete or tampered with.
        ModelError: ``model`` is missing or does not fit.
    """
    return load_result(folder, model).model


def load_result(folder: str | Path, model: Any = None) -> FitResult:
    """Load the whole result that ``save`` wrote, but for the trials' outcome.

    Raises:
        StoreError: damaged, incomplete or tampered with.
        ModelError: ``model`` is missing or does not fit.
    """
    loaded = store.load(folder)
    extra = loaded.extra.get(_EXTRA)
    if not isinstance(extra, dict) or not isinstance(extra.get("framework"), str):
        raise StoreError(f"The folder has no {_EXTRA}.", where=str(folder), fix="give a folder that FitResult.save wrote")
    adaptor = adaptor_named(extra["framework"])
    if model is not None and adaptor_for(model).name != adaptor.name:
        raise ModelError(
            f"The saved model is a {adaptor.name} model; model= is a {type(model).__name__}.",
            where="load(model=...)",
            fix="give a fresh model of the class that was compressed",
        )
    handle = require(adaptor, Stores, step="load").from_saved(loaded.model, model)
    return FitResult(handle=handle, summary=structure(extra.get("summary"), Summary, source=str(folder)))
