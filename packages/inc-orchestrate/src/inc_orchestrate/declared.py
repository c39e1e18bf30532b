"""Data, trainings and evaluations that a configuration names, made live."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

import attrs
from inc_adaptors.roles import Adaptor, NamesTraining, require
from inc_config.data import LoaderConfig
from inc_config.errors import DataError, EvaluationError, StepError
from inc_config.evaluation import EvaluationConfig, MetricConfig
from inc_config.frozen import thaw
from inc_config.named import Named
from inc_config.training import TrainingConfig
from inc_data import DataLoader, build_dataset, build_filter, build_transform, filtered
from inc_data.transforms import Compose
from inc_metrics import Metric, MetricError, build

from inc_orchestrate.evaluation import Evaluation
from inc_orchestrate.training import Training


@attrs.frozen(eq=False)
class FirstBatches:
    """The first ``count`` batches of a loader, as often as it is asked."""

    loader: Any
    count: int

    def __iter__(self) -> Iterator[Any]:
        return islice(iter(self.loader), self.count)

    def __len__(self) -> int:
        return min(self.count, len(self.loader))


def training_of(config: TrainingConfig, adaptor: Adaptor, *, loader: Any = None, where: str = "$.training") -> Training:
    """The training a configuration describes, in the framework's own objects; ``loader`` takes the place of its data.

    Raises:
        MissingRoleError: the framework cannot train, or knows no names.
        StepError: an unknown loss or optimizer, or there is no data.
        DataError: the data cannot be read.
    """
    names = require(adaptor, NamesTraining, step="a training that is described by names")
    if loader is None:
        if config.data is None:
            fix = "write training.data, or give Pipeline(train_loader=...)"
            raise StepError("The training has no data.", where=f"{where}.data", fix=fix)
        loader = loader_of(config.data, where=f"{where}.data")
    return Training(
        loader if config.steps_per_epoch is None else FirstBatches(loader, config.steps_per_epoch),
        names.loss_named(config.loss),
        names.optimizer_named(config.optimizer),
        epochs=config.epochs or (1 if config.steps is None else None),
        steps=config.steps,
        device=config.device,
        seed=config.seed,
    )


def live_steps(steps: Iterable[Any], adaptor: Adaptor, *, loader: Any) -> tuple[Any, ...]:
    """Steps whose configuration describes a training of their own get it; steps with equal ones share one."""
    made: dict[TrainingConfig, Training] = {}

    def live(index: int, step: Any) -> Any:
        config = getattr(step, "training", None)
        if not isinstance(config, TrainingConfig) or step.train is not None:
            return step
        if config not in made:
            made[config] = training_of(config, adaptor, loader=loader, where=f"$.steps[{index}].training")
        return attrs.evolve(step, train=made[config])

    return tuple(live(index, step) for index, step in enumerate(steps))


def loader_of(config: LoaderConfig, *, where: str) -> DataLoader:
    """The loader a configuration names; ``where`` is its JSON path.

    Raises:
        DataError: a name or an argument that inc-data does not have, or data that is not there.
    """
    transform = _transforms(config.transforms, where=f"{where}.transforms")
    extra = {} if transform is None else {"transform": transform}
    dataset = _filtered(_built(build_dataset, config.dataset, where=f"{where}.dataset", **extra), config.filter, where=f"{where}.filter")
    make: Callable[[], DataLoader] = lambda: DataLoader(  # noqa: E731  (a thunk for one try)
        dataset,
        config.batch_size,
        shuffle=config.shuffle,
        seed=config.seed,
        last_batch=config.last_batch.value,
    )
    return _told(make, where=where)  # type: ignore[no-any-return]  # what the thunk returns


def _filtered(dataset: Any, named: Named | None, *, where: str) -> Any:
    if named is None:
        return dataset
    keep = _built(build_filter, named, where=where)
    return _told(lambda: filtered(dataset, keep), where=where)


def evaluation_of(config: EvaluationConfig, *, loader: Any = None, where: str = "$.evaluation") -> Evaluation | None:
    """The evaluation a configuration names; None where neither it nor the caller gives data.

    Raises:
        DataError: data that cannot be read.
        EvaluationError: an unknown metric or argument.
    """
    if loader is None and config.data is None:
        return None
    data = loader if config.data is None or loader is not None else loader_of(config.data, where=f"{where}.data")
    metrics = [_metric(item, where=f"{where}.metrics[{index}]", judged=index == 0) for index, item in enumerate(config.metrics)]
    return Evaluation(
        data if config.batches is None else FirstBatches(data, config.batches),
        metrics,
        _transforms(config.postprocess, where=f"{where}.postprocess"),
        higher_is_better=config.metrics[0].higher_is_better,
        weights=config.weights,
        every=config.every,
    )


def _transforms(names: tuple[Named, ...], *, where: str) -> Compose | None:
    made = [_built(build_transform, named, where=f"{where}[{index}]") for index, named in enumerate(names)]
    return Compose(made) if made else None


def _metric(config: MetricConfig, *, where: str, judged: bool) -> Metric:
    try:
        metric = build(config.metric.name, **thaw(config.metric.args))
    except MetricError as error:
        what, fix = _parts(error)
        raise EvaluationError(what, where=where, fix=fix or "use a metric of inc-metrics and its options") from error
    if not judged and config.higher_is_better not in (None, metric.higher_is_better):
        what = f"The direction of {metric.name} is {'higher' if metric.higher_is_better else 'lower'} is better."
        raise EvaluationError(what, where=f"{where}.higher_is_better", fix="leave it out; only the first metric's direction can be changed")
    return metric


def _built(build_named: Callable[..., Any], named: Named, *, where: str, **extra: Any) -> Any:
    return _told(lambda: build_named(named.name, **thaw(named.args), **extra), where=where)


def _told(make: Callable[[], Any], *, where: str) -> Any:
    """Make something of inc-data; its faults become ours, with the place in the configuration."""
    try:
        return make()
    except (ValueError, TypeError, LookupError) as error:
        what, fix = _parts(error)
        raise DataError(what, where=where, fix=fix or "change the name or its arguments") from error


def _parts(error: Exception) -> tuple[str, str]:
    """What is wrong, and the fix (empty: none is told), of an error of inc-data or inc-metrics."""
    what, _, rest = str(error).partition("\n  where: ")
    return what, rest.partition("\n  fix:   ")[2]
