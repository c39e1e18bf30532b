"""Judge here what models answered elsewhere: inputs travel to workers as files and outputs back; targets and metrics stay."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from inc_adaptors.batches import batch_size
from inc_adaptors.handle import Signature

from inc_orchestrate.batch_files import read_batch
from inc_orchestrate.evaluation import host
from inc_orchestrate.job import Job
from inc_orchestrate.scoring import Answer, JudgesOutputs


class Answers:
    """What is wanted of every batch of the evaluation, read once: a loader may give another order the next time."""

    def __init__(self, evaluator: JudgesOutputs, signature: Signature, job: Job, *, threads: int = 0) -> None:
        self._evaluator = evaluator
        self._threads = threads
        self._job = job
        self._wanted: list[tuple[Any, int]] = []
        for inputs, wanted in evaluator.examples(signature):
            job.write_inputs(len(self._wanted), inputs)
            self._wanted.append((host(wanted), batch_size(inputs)))

    @property
    def asked(self) -> dict[str, str]:
        """What a worker has to know of it."""
        return {"batches": str(len(self._wanted)), "threads": str(self._threads)}

    def value(self, token: str) -> float:
        """The score of the model that answered under ``token``; its files are removed.

        Raises:
            EvaluationError: a metric raised or gave no finite number.
            StoreError: an answer is missing or damaged.
        """
        return self._evaluator.scored(self._read(token)).value

    def _read(self, token: str) -> Iterator[Answer]:
        for place, (wanted, size) in enumerate(self._wanted):
            path = self._job.outputs(token, place)
            outputs = read_batch(path)
            path.unlink()
            yield outputs, wanted, size
