"""Quantize a finished model, tuned until the criterion holds."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import attrs
from inc_adaptors.handle import ModelHandle
from inc_adaptors.roles import Compares, Describes, Observes, Quantizes, require
from inc_config.errors import DataError, IncError
from inc_config.quantization import Approach, QuantizeConfig, TunedPrecision

from inc_orchestrate.hosting import target_faults
from inc_orchestrate.setting import Setting
from inc_orchestrate.steps.protocol import Applied, Facts, fault
from inc_orchestrate.tuner import tune
from inc_orchestrate.writable import check_writable


@attrs.frozen(kw_only=True)
class Quantize(QuantizeConfig):
    """A ``QuantizeConfig`` as a step; data and evaluation are the pipeline's."""

    @property
    def name(self) -> str:
        """As entry point and in tables."""
        return "quantize"

    def check(self, facts: Facts) -> tuple[IncError, ...]:
        """Roles, data, the target's runtime, and a ledger that can be written."""
        found = list(role_faults(facts, (Describes, Observes, Quantizes), step=self.name))
        if self.approach is not Approach.DYNAMIC and not facts.has_calibration:
            found.append(
                DataError(
                    f"Quantization with approach {self.approach.value!r} needs calibration data.",
                    where="Pipeline(calibrate=...)",
                    fix="give calibrate=batches, or Quantize(approach='dynamic')",
                )
            )
        return (*found, *target_faults(facts, self), *data_faults(facts), *ledger_faults(self))

    def apply(self, handle: ModelHandle, setting: Setting) -> Applied:
        """Tune; details are a ``TuningResult``."""
        return apply_tuned(handle, self, setting)


def apply_tuned(handle: ModelHandle, config: QuantizeConfig, setting: Setting) -> Applied:
    """Tune, and compare what is delivered with what came in; details are a ``TuningResult``."""
    result = tune(handle, config, setting)
    if isinstance(setting.adaptor, Compares) and setting.example is not None:
        for line in setting.adaptor.compare(handle, result.handle, (setting.example,)).lines():
            setting.progress.note(line)
    return Applied(handle=result.handle, details=result)


def role_faults(facts: Facts, roles: Iterable[type[object]], *, step: str) -> tuple[IncError, ...]:
    """Roles that the adaptor lacks."""
    return tuple(error for role in roles for error in fault(partial(require, facts.adaptor, role, step=step)))


def data_faults(facts: Facts) -> tuple[IncError, ...]:
    """Something must judge the models that are tried."""
    if facts.has_evaluation or facts.has_calibration:
        return ()
    return (
        DataError(
            "There is no data to judge quantized models by.",
            where="Pipeline(evaluate=..., calibrate=...)",
            fix="give evaluate=Evaluation(loader, metric), or calibrate=batches, part of which is then held out",
        ),
    )


def ledger_faults(config: TunedPrecision) -> tuple[IncError, ...]:
    """A ledger folder must be writable."""
    ledger = config.tuning.ledger
    return () if ledger is None else fault(lambda: check_writable(ledger, where="TuningConfig(ledger=...)"))
