"""What a configuration asks for that nothing carries out yet: said before any work, never ignored in silence."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import attrs

from inc_config import plugins
from inc_config.benchmark import BenchmarkConfig
from inc_config.brief import changed, is_record
from inc_config.constraints import OpConstraint
from inc_config.data import LoaderConfig
from inc_config.dtypes import FloatType, IntegerType
from inc_config.errors import Fault
from inc_config.evaluation import EvaluationConfig, MetricConfig
from inc_config.fields import one_of
from inc_config.named import Named
from inc_config.patterns import BlockPattern, NofMPattern
from inc_config.pipeline import STEP_KINDS, ModelConfig, PipelineConfig, step_kind
from inc_config.pruning import PruneConfig, PruneOverride
from inc_config.quantization import Approach, QuantizeConfig
from inc_config.recipes import Recipes
from inc_config.target import Device, Runtime, Target
from inc_config.training import LOSSES, OPTIMIZERS, TrainingConfig
from inc_config.tuning import TuningConfig

THRESHOLDS = ("minmax", "percentile", "kl", "mse")
"""Ways to find the threshold of an activation."""
FILTERS = ("LabelBalance", "LabelBalanceCOCORaw", "LabelBalanceCOCORecord")
"""Filters of inc-data; a filter is no plug-in."""
_GATHERING = ("Collect", "ModelZooCollect", "SquadV1", "SquadV1ModelZoo")
_STEPS = ("prune", "distill", "quantize", "mixed-precision")

_MISSING: dict[type[Any], frozenset[str]] = {
    PruneConfig: frozenset({"initial_sparsity", "regularizer", "progressive", "keep_zeros", "low_memory"}),
    PruneOverride: frozenset(field.name for field in attrs.fields(PruneOverride)) - {"include", "exclude", "target_sparsity", "pattern"},
    QuantizeConfig: frozenset({"weight_only", "reduce_range", "domain"}),
    Recipes: frozenset({"scale_propagation_max_pooling"}),
    TuningConfig: frozenset({"diagnosis"}),
    TrainingConfig: frozenset({"scheduler", "postprocess"}),
    ModelConfig: frozenset({"inputs", "outputs"}),
    BenchmarkConfig: frozenset({"instances", "cores_per_instance", "inter_op_threads", "kmp_blocktime", "kmp_affinity", "data"}),
}
"""Fields that are read and nothing more, by class."""

_GROUPS: dict[tuple[type[Any], str], str] = {
    (LoaderConfig, "dataset"): "inc.datasets",
    (LoaderConfig, "transforms"): "inc.transforms",
    (EvaluationConfig, "postprocess"): "inc.transforms",
    (MetricConfig, "metric"): "inc.metrics",
    (TuningConfig, "strategy"): "inc.strategies",
    (PruneConfig, "criterion"): "inc.criteria",
}
_NAMES: dict[tuple[type[Any], str], tuple[str, ...]] = {
    (LoaderConfig, "filter"): FILTERS,
    (TrainingConfig, "loss"): LOSSES,
    (TrainingConfig, "optimizer"): OPTIMIZERS,
    (QuantizeConfig, "activation_threshold"): THRESHOLDS,
}


def not_offered(config: PipelineConfig) -> tuple[Fault, ...]:
    """Everything in a configuration that nothing carries out yet, with its JSON path.

    Names of datasets, transforms, metrics, strategies and criteria are looked up among the installed packages, without importing them;
    a kind of which nothing is installed is not judged.
    """
    return tuple(_faults(config, "$"))


def is_beside_the_point(fault: Fault) -> bool:
    """Whether a model comes out the same without what the fault is about: how it is named or timed."""
    return fault.path.startswith(("$.benchmark", "$.model"))


def _faults(value: Any, path: str) -> Iterator[Fault]:
    if isinstance(value, tuple):
        for index, item in enumerate(value):
            yield from _faults(item, f"{path}[{index}]")
    elif is_record(value):
        yield from _record_faults(value, path)


def _record_faults(value: Any, path: str) -> Iterator[Fault]:
    cls = next(kind for kind in (*STEP_KINDS.values(), type(value)) if isinstance(value, kind))
    if cls in STEP_KINDS.values() and (kind := step_kind(value)) not in (*_STEPS, *plugins.names("inc.steps")):
        yield _missing(path, f"The step {kind!r}")
        return
    for name in attrs.fields_dict(cls):
        inner, place = getattr(value, name), f"{path}.{name}"
        if name in _MISSING.get(cls, ()):
            if name in changed(value, cls):
                yield _missing(place, name)
        else:
            yield from _name_faults(cls, name, inner, place)
            yield from _faults(inner, place)
    for rule in _RULES.get(cls, ()):
        yield from rule(value, path)


def _missing(path: str, what: str) -> Fault:
    fix = "use the command inc-bench, or leave it out" if path.startswith("$.benchmark") else "leave it out, or wait for a later version"
    return Fault(path=path, what=f"{what} is not offered yet.", fix=fix)


def _name_faults(cls: type[Any], field: str, value: Any, path: str) -> Iterator[Fault]:
    group = _GROUPS.get((cls, field))
    known = plugins.names(group) if group is not None else _NAMES.get((cls, field))
    if not known or value is None:
        return
    single = isinstance(value, Named)
    kind = "transform" if field in ("transforms", "postprocess") else field
    spelling = _spelling if group == "inc.metrics" else str
    for index, named in enumerate((value,) if single else value):
        if spelling(named.name) not in map(spelling, known):
            place = path if single else f"{path}[{index}]"
            yield Fault(path=place, what=f"Unknown {kind} {named.name!r}.", fix=one_of(named.name, known))


def _spelling(name: str) -> str:
    """What tells metrics apart: inc-metrics takes TopK and top_k for one name."""
    return name.lower().replace("_", "").replace("-", "")


def _quantize_rules(config: QuantizeConfig, path: str) -> Iterator[Fault]:
    if config.approach is Approach.WEIGHT_ONLY:
        yield _missing(f"{path}.approach", "The approach 'weight_only'")


def _target_rules(target: Target, path: str) -> Iterator[Fault]:
    if target.runtime not in (Runtime.ONNXRUNTIME, Runtime.TORCH, Runtime.OPENVINO):
        yield _missing(f"{path}.runtime", f"The runtime {target.runtime.value!r}")
    if target.device is not Device.CPU:
        yield _missing(f"{path}.device", f"Integers on the device {target.device.value!r}")


def _constraint_rules(constraint: OpConstraint, path: str) -> Iterator[Fault]:
    for name, tensor in (("activation", constraint.activation), ("weight", constraint.weight)):
        known: Iterable[str] = THRESHOLDS if name == "activation" else ("minmax",)
        if tensor.algorithms and not set(tensor.algorithms) & set(known):
            yield _missing(f"{path}.{name}.algorithms", f"{', '.join(tensor.algorithms)} for {name}s")
        if tensor.dtypes and not any(isinstance(dtype, IntegerType | FloatType) for dtype in tensor.dtypes):
            yield _missing(f"{path}.{name}.dtypes", f"{', '.join(map(str, tensor.dtypes))} for {name}s")


def _pattern_rules(config: PruneConfig | PruneOverride, path: str) -> Iterator[Fault]:
    if config.pattern is not None and not isinstance(config.pattern, BlockPattern | NofMPattern):
        yield _missing(f"{path}.pattern", f"The pattern {str(config.pattern)!r}")


def _loader_rules(config: LoaderConfig, path: str) -> Iterator[Fault]:
    if config.distributed:
        what = "distributed (processes that share the data out among them) is not offered yet."
        yield Fault(path=f"{path}.distributed", what=what, fix="leave it out, or set it to false: one process reads all the data")


def _pipeline_rules(config: PipelineConfig, path: str) -> Iterator[Fault]:
    if not config.steps:
        fix = "name at least one, such as quantize or prune (in a 1.x file the section quantization or pruning)"
        yield Fault(path=f"{path}.steps", what="There is no step.", fix=fix)


def _evaluation_rules(config: EvaluationConfig, path: str) -> Iterator[Fault]:
    for index, named in enumerate(config.postprocess):
        if named.name in _GATHERING and named.name in plugins.names("inc.transforms"):
            yield _missing(f"{path}.postprocess[{index}]", f"{named.name}, which gathers several batches,")


_RULES: dict[type[Any], tuple[Callable[[Any, str], Iterator[Fault]], ...]] = {
    QuantizeConfig: (_quantize_rules,),
    Target: (_target_rules,),
    PipelineConfig: (_pipeline_rules,),
    LoaderConfig: (_loader_rules,),
    OpConstraint: (_constraint_rules,),
    PruneConfig: (_pattern_rules,),
    PruneOverride: (_pattern_rules,),
    EvaluationConfig: (_evaluation_rules,),
}
