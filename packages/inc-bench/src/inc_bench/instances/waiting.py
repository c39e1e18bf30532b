"""Wait for what instances say, and notice those that no longer get on."""

from __future__ import annotations

import selectors
import time
from collections.abc import Iterator, Sequence
from typing import Any

from inc_bench.instances.failing import hung, raised
from inc_bench.instances.process import Instance

Events = list[tuple[Instance, dict[str, Any]]]


class Listener:
    """Reads the events of instances; one in which no call ends for ``timeout_s`` counts as hung."""

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._selector = selectors.DefaultSelector()
        self._instances: list[Instance] = []

    def add(self, instance: Instance) -> None:
        """Listen to one more."""
        self._instances.append(instance)
        if instance.process.stdout is not None:
            self._selector.register(instance.process.stdout, selectors.EVENT_READ, instance)

    def close(self) -> None:
        """Stop listening."""
        self._selector.close()

    def gather(self, kind: str, failure: str, *, only: Sequence[Instance] | None = None, idle_s: float = 0.0) -> Events:
        """One event of a kind from every instance, or from those in ``only``, in their order.

        Args:
            kind: of event.
            failure: what an instance from which it never comes did: "stopped making progress".
            only: those that were asked.
            idle_s: how long there may be nothing to do, which is no hang.

        Raises:
            InstanceError: any instance failed, or one that was asked hung.
        """
        asked = self._instances if only is None else only
        found: dict[int, dict[str, Any]] = {}
        quiet = _Quiet(self._timeout_s + idle_s, len(self._instances))
        while len(found) < len(asked):
            for instance in self._instances:
                if (event := instance.take("failed")) is not None:
                    raise raised(event, place=instance.place, log=instance.log)
                if (event := instance.take("progress")) is not None:
                    quiet.seen(instance.index, event["calls"])
                if instance.index not in found and (event := instance.take(kind)) is not None:
                    found[instance.index] = event
            if len(found) < len(asked):
                self._read(quiet.interval_s)
                self._ask([instance for instance in asked if instance.index not in found], quiet, failure)
        return [(instance, found[instance.index]) for instance in asked]

    def _ask(self, waiting: Sequence[Instance], quiet: _Quiet, failure: str) -> None:
        late = set(quiet.hung())
        for instance in waiting:
            if instance.index in late:
                raise hung(failure, self._timeout_s, index=instance.index, place=instance.place, log=instance.log)
        if quiet.due():
            for instance in waiting:
                instance.send({"do": "progress"})

    def _read(self, timeout_s: float) -> None:
        for key, _ in self._selector.select(timeout_s):
            instance: Instance = key.data
            if not instance.read(key.fd):
                self._selector.unregister(key.fileobj)


class _Quiet:
    """Who has not made progress, and for how long."""

    def __init__(self, timeout_s: float, count: int) -> None:
        now = time.monotonic()
        self._timeout_s = timeout_s
        self.interval_s = min(1.0, timeout_s / 4)
        self._asked = now
        self._last = dict.fromkeys(range(count), (0, now))

    def seen(self, index: int, calls: int) -> None:
        if calls != self._last[index][0]:
            self._last[index] = (calls, time.monotonic())

    def due(self) -> bool:
        """Whether it is time to ask; asking rarely keeps questions out of what is measured."""
        now = time.monotonic()
        if now - self._asked < self._timeout_s / 4:
            return False
        self._asked = now
        return True

    def hung(self) -> Iterator[int]:
        now = time.monotonic()
        return (index for index, (_, last) in self._last.items() if now - last > self._timeout_s)
