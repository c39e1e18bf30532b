"""What a search's trials depend on, by name: a ledger is resumed only where all of it is the same."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import attrs
from inc_adaptors.handle import ModelHandle
from inc_config.capabilities import Capabilities
from inc_config.convert import unstructure
from inc_config.quantization import QuantizeConfig
from inc_config.tuning import ExitPolicy

from inc_orchestrate.job import versions
from inc_orchestrate.setting import Setting

_SHORT = 200


def fingerprints(handle: ModelHandle, config: QuantizeConfig, setting: Setting, capabilities: Capabilities) -> dict[str, str]:
    """What trials depend on; the exit policy may change between sessions."""
    fields = {field.name: getattr(config, field.name) for field in attrs.fields(QuantizeConfig)}
    asked = QuantizeConfig(**fields)
    tuning = attrs.evolve(asked.tuning, exit_policy=ExitPolicy(), ledger=None)
    settled = attrs.evolve(asked, tuning=tuning, target=capabilities.target)
    ids = setting.evaluator.ids
    return {
        "model": setting.adaptor.fingerprint(handle),
        **_told("configuration", unstructure(settled)),
        "calibration data": "" if setting.calibration is None else setting.calibration.ids.fingerprint,
        "evaluation": setting.evaluator.metric,
        "evaluation data": "" if ids is None else ids.fingerprint,
        # Six digits: the last ones of a float metric change with the number of threads.
        "baseline": f"{setting.baseline.value:.6g}",
        "versions": versions(),
    }


def _told(name: str, value: Any) -> dict[str, str]:
    """The fields of a configuration by their path, as texts to be read where they differ; long ones by their digests."""
    if isinstance(value, dict) and value:
        return {path: text for key, item in value.items() for path, text in _told(f"{name}.{key}", item).items()}
    text = json.dumps(value, sort_keys=True)
    return {name: text if len(text) <= _SHORT else hashlib.sha256(text.encode()).hexdigest()}
