"""Quantize a finished model, tuned until the criterion holds."""

from __future__ import annotations

import attrs
from inc_adaptors.handle import ModelHandle
from inc_adaptors.roles import Compares, Describes, Observes, Quantizes, require
from inc_config.errors import DataError, IncError
from inc_config.quantization import Approach, QuantizeConfig

from inc_orchestrate.steps.protocol import Applied, Facts, fault
from inc_orchestrate.tuner import Setting, tune
from inc_orchestrate.writable import check_writable


@attrs.frozen(kw_only=True)
class Quantize(QuantizeConfig):
    """A ``QuantizeConfig`` as a step; data and evaluation are the pipeline's."""

    @property
    def name(self) -> str:
        """As entry point and in tables."""
        return "quantize"

    def check(self, facts: Facts) -> tuple[IncError, ...]:
        """Roles, data, and a ledger that can be written."""
        found = [error for role in (Describes, Observes, Quantizes) for error in self._role_fault(facts, role)]
        if self.approach is not Approach.DYNAMIC and not facts.has_calibration:
            found.append(
                DataError(
                    f"Quantization with approach {self.approach.value!r} needs calibration data.",
                    where="Pipeline(calibrate=...)",
                    fix="give calibrate=batches, or Quantize(approach='dynamic')",
                )
            )
        if not facts.has_evaluation and not facts.has_calibration:
            found.append(
                DataError(
                    "There is no data to judge quantized models by.",
                    where="Pipeline(evaluate=..., calibrate=...)",
                    fix="give evaluate=Evaluation(loader, metric), or calibrate=batches, part of which is then held out",
                )
            )
        ledger = self.tuning.ledger
        if ledger is not None:
            found += fault(lambda: check_writable(ledger, where="Quantize(tuning=TuningConfig(ledger=...))"))
        return tuple(found)

    def apply(self, handle: ModelHandle, setting: Setting) -> Applied:
        """Tune; details are a ``TuningResult``."""
        result = tune(handle, self, setting)
        if isinstance(setting.adaptor, Compares) and setting.example is not None:
            for line in setting.adaptor.compare(handle, result.handle, (setting.example,)).lines():
                setting.progress.note(line)
        return Applied(handle=result.handle, details=result)

    def _role_fault(self, facts: Facts, role: type[object]) -> tuple[IncError, ...]:
        return fault(lambda: require(facts.adaptor, role, step=self.name))
