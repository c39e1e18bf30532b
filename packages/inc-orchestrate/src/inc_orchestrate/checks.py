"""Report every fault of a pipeline at once, before any work."""

from __future__ import annotations

from collections.abc import Iterable

from inc_config.errors import IncError


class PipelineError(IncError):
    """Several faults found before any work; ``faults`` holds each as its own error."""

    def __init__(self, faults: Iterable[IncError]) -> None:
        self.faults = tuple(faults)
        super().__init__(f"{len(self.faults)} faults were found before any work started.", where="Pipeline", fix="mend each of them")

    def __str__(self) -> str:
        return "\n".join((self.what, *(str(fault) for fault in self.faults)))


def raise_together(faults: Iterable[IncError]) -> None:
    """Raise nothing, the only fault, or all of them together; the same fault is told once.

    Raises:
        IncError: the only fault.
        PipelineError: several faults.
    """
    distinct = list({str(fault): fault for fault in faults}.values())
    if len(distinct) == 1:
        raise distinct[0]
    if distinct:
        raise PipelineError(distinct)
