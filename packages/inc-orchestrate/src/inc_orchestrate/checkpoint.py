"""Finished training stages in the workspace, so that an interrupted run does not train again."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import attrs
from inc_adaptors import store
from inc_adaptors.handle import ModelHandle
from inc_adaptors.roles import Adaptor, Stores
from inc_config.convert import unstructure
from inc_config.errors import StoreError

from inc_orchestrate.stages import TrainingStage
from inc_orchestrate.steps.protocol import TrainingStep
from inc_orchestrate.training import Training

_EXTRA = "stage.json"


@attrs.frozen(kw_only=True, eq=False)
class Checkpoints:
    """Stages saved in ``workspace/stage-<index>``; None as workspace keeps nothing.

    A stage is known again by the caller's model, the steps before it, their configurations and the length and seed of their trainings. What
    cannot be compared (data, loss, optimizer) is the user's to keep the same.
    """

    workspace: Path | None
    adaptor: Adaptor
    original: ModelHandle

    def load(self, index: int, print_: str) -> tuple[ModelHandle, tuple[str, ...]] | None:
        """The handle and notes of a finished stage, or None where there is none.

        Raises:
            StoreError: the folder holds a stage of another run, or is damaged.
        """
        if self.workspace is None or not isinstance(self.adaptor, Stores) or not self._folder(index).exists():
            return None
        folder = self._folder(index)
        loaded = store.load(folder)
        found = loaded.extra.get(_EXTRA)
        if not isinstance(found, dict) or found.get("fingerprint") != print_:
            raise StoreError(
                "The workspace holds a training stage of another run.",
                where=str(folder),
                fix="give another workspace, or remove this folder",
            )
        fresh = self.adaptor.copy(self.original).native
        return self.adaptor.from_saved(loaded.model, fresh), tuple(str(note) for note in found.get("notes", ()))

    def save(self, index: int, print_: str, handle: ModelHandle, notes: tuple[str, ...]) -> None:
        """Keep a finished stage.

        Raises:
            StoreError: the workspace cannot be written.
        """
        if self.workspace is not None and isinstance(self.adaptor, Stores):
            extra = {_EXTRA: {"fingerprint": print_, "notes": list(notes)}}
            store.save(self.adaptor.to_saved(handle), self._folder(index), extra=extra)

    def _folder(self, index: int) -> Path:
        return (self.workspace or Path()) / f"stage-{index}"


def stage_fingerprint(before: str, stage: TrainingStage, training: Training) -> str:
    """SHA-256 over the fingerprint of what came before, the stage's configurations, and its training's length and seed."""
    document = [before, [_configuration(step) for step in stage.steps], [training.epochs, training.steps, training.seed]]
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


def _configuration(step: TrainingStep) -> list[object]:
    """A step's name and the fields that a file can hold."""
    kind: type[object] = type(step)
    if not attrs.has(kind):
        return [step.name]
    fields = {field.name: getattr(step, field.name) for field in attrs.fields(kind) if field.eq}
    return [step.name, {name: unstructure(value) for name, value in fields.items()}]
