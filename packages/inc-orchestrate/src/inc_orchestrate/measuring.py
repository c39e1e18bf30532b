"""One trial: emit, judge, and measure what several models are compared by."""

from __future__ import annotations

import time

import attrs
from inc_adaptors.handle import ModelHandle
from inc_adaptors.roles import Emitter
from inc_config.errors import IncError
from inc_config.plan import QuantizationPlan
from inc_config.quantization import QuantizeConfig
from inc_config.tuning import ObjectiveKind
from inc_strategy import Measurement, Trial, TrialStatus

from inc_orchestrate.integers import is_in_float
from inc_orchestrate.latency import call_latency_s
from inc_orchestrate.memory import peak_memory_bytes
from inc_orchestrate.scoring import Terms
from inc_orchestrate.setting import Setting, criterion_of


@attrs.frozen(kw_only=True, eq=False)
class Measuring:
    """How the trials of one search are judged and measured on this machine."""

    config: QuantizeConfig
    setting: Setting

    def trial(self, index: int, plan: QuantizationPlan, *, emitter: Emitter, before: int) -> Trial:
        """Make and judge a plan's model, the ``before``-th that is judged; what goes wrong fails the trial, not the search."""
        began = time.monotonic()
        adaptor, evaluator = self.setting.adaptor, self.setting.evaluator
        try:
            made = emitter.emit(plan)
            terms = Terms(
                criterion=criterion_of(self.config, evaluator),
                before=before,
                finish_good=not self.config.tuning.exit_policy.first_success,
            )
            judged = evaluator.judge(adaptor, made, terms)
            latency, memory = self._latency(made), self._memory(made)
            size = adaptor.size_bytes(made)
        except Exception as error:  # noqa: BLE001  (whatever one plan's kernels or the user's evaluation raise must not end the search)
            measured = Measurement(seconds=time.monotonic() - began)
            return Trial(index=index, plan=plan, status=TrialStatus.FAILED, measurement=measured, error=_first_line(error))
        measured = Measurement(
            accuracy=judged.score.value,
            samples=judged.score.samples,
            latency_s=latency,
            size_bytes=size,
            memory_bytes=memory,
            seconds=time.monotonic() - began,
            in_float=is_in_float(made, plan),
        )
        status = TrialStatus.STOPPED_EARLY if judged.stopped_early else TrialStatus.COMPLETE
        return Trial(index=index, plan=plan, status=status, measurement=measured, meets=judged.meets)

    def timed(self, trial: Trial, *, emitter: Emitter) -> Trial:
        """A trial that ran elsewhere, with what only this machine can tell."""
        measured = trial.measurement
        kinds = (ObjectiveKind.LATENCY, ObjectiveKind.MEMORY)
        if trial.status is not TrialStatus.COMPLETE or measured is None or not any(map(self._compares_by, kinds)):
            return trial
        try:
            made = emitter.emit(trial.plan)
            latency, memory = self._latency(made), self._memory(made)
        except Exception as error:  # noqa: BLE001  (what this machine cannot run is no use to it, whatever another one can)
            return attrs.evolve(
                trial, status=TrialStatus.FAILED, measurement=Measurement(seconds=measured.seconds), error=_first_line(error)
            )
        return attrs.evolve(trial, measurement=attrs.evolve(measured, latency_s=latency, memory_bytes=memory))

    def _latency(self, made: ModelHandle) -> float | None:
        """Latency counts only where several feasible models are compared by it."""
        if not self._compares_by(ObjectiveKind.LATENCY):
            return None
        return call_latency_s(self.setting.adaptor, made, self.setting.example)

    def _memory(self, made: ModelHandle) -> int | None:
        if not self._compares_by(ObjectiveKind.MEMORY):
            return None
        return peak_memory_bytes(self.setting.adaptor, made, self.setting.example)

    def _compares_by(self, kind: ObjectiveKind) -> bool:
        tuning = self.config.tuning
        wanted = any(objective.kind is kind for objective in tuning.objectives)
        return wanted and not tuning.exit_policy.first_success and self.setting.example is not None


def _first_line(error: Exception) -> str:
    text = error.what if isinstance(error, IncError) else str(error)
    return f"{type(error).__name__}: {text.splitlines()[0] if text else ''}"
