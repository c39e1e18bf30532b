"""Pipeline([Prune, Distill, Quantize]).fit(model), and the inc command."""

from inc_orchestrate.checks import PipelineError
from inc_orchestrate.compression import Compression, prepare
from inc_orchestrate.evaluation import Evaluation
from inc_orchestrate.label_free import LabelFree
from inc_orchestrate.pipeline import Pipeline
from inc_orchestrate.planning import PlanReport, plan
from inc_orchestrate.progress import Progress
from inc_orchestrate.result import FitResult, load, load_result
from inc_orchestrate.steps.distill import Distill
from inc_orchestrate.steps.mixed_precision import MixedPrecision
from inc_orchestrate.steps.prune import Prune
from inc_orchestrate.steps.quantize import Quantize
from inc_orchestrate.summary import Summary
from inc_orchestrate.training import Training
from inc_orchestrate.workers import Workers

__all__ = [
    "Compression", "Distill", "Evaluation", "FitResult", "LabelFree", "MixedPrecision", "Pipeline", "PipelineError", "PlanReport",
    "Progress", "Prune", "Quantize", "Summary", "Training", "Workers", "load", "load_result", "plan", "prepare",
]  # fmt: skip
