"""The one error class of the system: what is wrong, where, and how to fix it."""

from __future__ import annotations

from collections.abc import Iterable

import attrs


class IncError(Exception):
    """Anything a user can cause and can mend.

    Args:
        what: the fault, with the value that was wrong.
        where: the path, file, tensor or argument it was found at.
        fix: what to do about it.
    """

    def __init__(self, what: str, *, where: str, fix: str) -> None:
        super().__init__(what, where, fix)
        self.what = what
        self.where = where
        self.fix = fix

    def __str__(self) -> str:
        return f"{self.what}\n  where: {self.where}\n  fix:   {self.fix}"


class PluginError(IncError):
    """A name that no entry point provides, or an entry point that cannot be loaded."""


class PlanError(IncError):
    """A plan, capability or recipe that does not fit the model it is for."""


class ModelError(IncError):
    """A model that is unknown, damaged, unsafe to open or not fit for the step."""


class MissingFrameworkError(ModelError):
    """The model's framework, or a library the step needs, is not installed."""


class MissingRoleError(IncError):
    """A step needs something the model's adaptor does not offer."""


class DataError(IncError):
    """Batches that do not fit the model, are empty, non-finite or cannot be read twice."""


class CalibrationError(DataError):
    """An observed range that no quantization parameters exist for."""


class EvaluationError(IncError):
    """An evaluation that raised, or returned something that is not a finite number."""


class StepError(IncError):
    """Steps in an impossible order, or a step without what it needs."""


class StoreError(IncError):
    """A folder that cannot be written, or that is damaged, incomplete or tampered with."""


class LedgerError(StoreError):
    """A ledger that is damaged, in use by another process, or belongs to another run."""


@attrs.frozen(kw_only=True)
class Fault:
    """One thing wrong in a document.

    ``path`` is a JSON path such as ``$.steps[1].pattern``; ``line`` and ``column`` count from 1 and are None outside files.
    """

    path: str
    what: str
    fix: str
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        return self.describe()

    def describe(self, source: str = "") -> str:
        """What, where and fix; ``source`` is the file's name."""
        place = f" in {source}" if source else ""
        place += "" if self.line is None else f", line {self.line}" + ("" if self.column is None else f", column {self.column}")
        return f"{self.what}\n  where: {self.path}{place}\n  fix:   {self.fix}"


class ConfigError(IncError):
    """One or more faults of a configuration, reported together in the order they stand in the document."""

    def __init__(self, faults: Iterable[Fault], *, source: str = "") -> None:
        self.faults = tuple(faults)
        first = self.faults[0]
        where = first.path if not source else f"{first.path} in {source}"
        super().__init__(first.what, where=where, fix=first.fix)
        self.source = source

    def __str__(self) -> str:
        if len(self.faults) == 1:
            return self.faults[0].describe(self.source)
        head = f"{len(self.faults)} faults" + (f" in {self.source}" if self.source else "") + ":"
        return "\n".join([head, *map(str, self.faults)])
