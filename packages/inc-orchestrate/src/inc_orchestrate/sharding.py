"""One calibration pass in parts on workers: every batch is written down once, observed somewhere, and the statistics are merged exactly."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from itertools import chain, islice
from pathlib import Path
from typing import Any

import attrs
from inc_adaptors.batches import batch_size
from inc_adaptors.handle import ModelHandle
from inc_adaptors.roles import Adaptor, Observes, require
from inc_adaptors.statistics.merging import merged
from inc_adaptors.statistics.protocol import StatisticSpec
from inc_adaptors.statistics.store import Statistics
from inc_config.errors import DataError
from inc_config.plan import TensorKey

from inc_orchestrate.batch_files import read_batch, write_batch
from inc_orchestrate.job import STEP, Job, run_shard
from inc_orchestrate.pool import Answer, Pool, is_broken
from inc_orchestrate.progress import Progress

Wanted = Mapping[TensorKey, frozenset[StatisticSpec]]

SHARDS_PER_WORKER = 2
"""More than one, so that a slow worker and a lost shard cost less; few, since each opens a session of its own."""
ATTEMPTS = 2
"""A shard that was lost so often on workers is observed in this process."""


@attrs.define(kw_only=True)
class _Shard:
    """Batches in files below the job's folder."""

    index: int
    files: list[str] = attrs.field(factory=list)
    samples: int = 0
    attempt: int = 0

    @property
    def token(self) -> str:
        """Its present attempt's name."""
        return f"shard-{self.index}-{self.attempt}"

    @property
    def result(self) -> str:
        """The file of its statistics."""
        return f"{self.token}.safetensors"


@attrs.define(kw_only=True, eq=False)
class Sharding:
    """What a calibration on workers needs, and what came of it so far.

    Args:
        pool, count: the workers, and how many.
        job: its folder already holds the model.
        adaptor, handle: for what is observed here.
        samples: about how many samples will come; they decide how large a shard is.
        progress: for notes.
        advance: is told how many samples were observed so far.
        part: begins the names of this pass's files.
    """

    pool: Pool
    count: int
    job: Job
    adaptor: Adaptor
    handle: ModelHandle
    samples: int
    progress: Progress
    advance: Callable[[int], None]
    part: str = ""
    _running: dict[Future[Answer], _Shard] = attrs.field(factory=dict, init=False)
    _parts: dict[int, Statistics] = attrs.field(factory=dict, init=False)
    _wanted: Wanted = attrs.field(factory=dict, init=False)

    def observe(self, batches: Iterable[Any], wanted: Wanted) -> Statistics:
        """Statistics of all batches, bit-identical to one pass over them in this process.

        A batch that cannot be sent is observed here, and so is everything where that is the first, or the only one; a note says why.
        A shard whose worker died is observed again, by another worker and at last by this process.
        """
        self._wanted = wanted
        stream = iter(batches)
        first = list(islice(stream, 2))
        reason = "one batch cannot be divided" if len(first) < 2 else self._unsendable(first[0])
        if reason is not None:
            self.progress.note(f"calibration ran in this process: {reason}")
            return self._locally(chain(first, stream), self.advance)
        self.job.write_wanted(wanted, part=self.part)
        for shard in self._written(chain(first, stream)):
            while len(self._running) >= SHARDS_PER_WORKER * self.count:
                self._collect()
            self._send(shard)
        while self._running:
            self._collect()
        # The class of a rebuilt model may live in another module, and its fingerprint with it: the weights were checked by the file's.
        whole = merged([self._parts[index] for index in sorted(self._parts)])
        return attrs.evolve(whole, model_fingerprint=self.adaptor.fingerprint(self.handle))

    def _written(self, batches: Iterable[Any]) -> Iterator[_Shard]:
        """Shards as they become full."""
        size = -(-self.samples // (SHARDS_PER_WORKER * self.count))
        shard = _Shard(index=0)
        for batch in batches:
            name = f"{self.part}batch-{shard.index}-{len(shard.files)}.npz"
            try:
                write_batch(self.job.folder / name, batch)
            except DataError as error:
                self.progress.note(f"part of the calibration ran in this process: {error.what}")
                if shard.files:
                    yield shard
                    shard = _Shard(index=shard.index + 1)
                self._keep(shard.index, self._locally([batch]))
                shard = _Shard(index=shard.index + 1)
                continue
            shard.files.append(name)
            shard.samples += batch_size(batch)
            if shard.samples >= size:
                yield shard
                shard = _Shard(index=shard.index + 1)
        if shard.files:
            yield shard

    def _unsendable(self, batch: Any) -> str | None:
        try:
            write_batch(self.job.folder / f"{self.part}first.npz", batch)
        except DataError as error:
            return error.what
        return None

    def _send(self, shard: _Shard) -> None:
        shard.attempt += 1
        payload = self.job.payload(shard.token, part=self.part, batches=json.dumps(shard.files), result=self.part + shard.result)
        self._running[self.pool.submit(run_shard, payload)] = shard

    def _collect(self) -> None:
        """Wait for at least one shard; those that were lost are sent again."""
        done, _ = wait(self._running, return_when=FIRST_COMPLETED)
        if any(is_broken(future) for future in done):
            done, _ = wait(self._running)
            self.pool.drop()
        lost = [shard for future in done if not self._took(future, shard := self._running.pop(future))]
        for shard in lost:
            if shard.attempt < ATTEMPTS:
                self._send(shard)
            else:
                self.progress.note("part of the calibration ran in this process: its workers died")
                self._observe_here(shard)

    def _took(self, future: Future[Answer], shard: _Shard) -> bool:
        """Take a shard's statistics; False where it was lost."""
        try:
            answer = future.result()
        except (Exception, CancelledError):  # noqa: BLE001  (an executor reports its own faults in its own classes)
            return False
        if "lost" in answer:
            return False
        if "error" in answer:  # the same fault is met here, where it can be told as it is
            self._observe_here(shard)
            return True
        path = self.job.folder / (self.part + shard.result)
        self._keep(shard.index, Statistics.load(path, model_fingerprint="", data_fingerprint=""))
        self._remove(shard, path)
        return True

    def _observe_here(self, shard: _Shard) -> None:
        self._keep(shard.index, self._locally(read_batch(self.job.folder / name) for name in shard.files))
        self._remove(shard)

    def _locally(self, batches: Iterable[Any], advance: Callable[[int], None] = lambda _: None) -> Statistics:
        return require(self.adaptor, Observes, step=STEP).observe(self.handle, batches, self._wanted, progress=advance)

    def _keep(self, index: int, found: Statistics) -> None:
        self._parts[index] = attrs.evolve(found, model_fingerprint="")
        self.advance(sum(part.samples for part in self._parts.values()))

    def _remove(self, shard: _Shard, *others: Path) -> None:
        """Give back the disk space."""
        for path in (*(self.job.folder / name for name in shard.files), *others):
            path.unlink(missing_ok=True)
