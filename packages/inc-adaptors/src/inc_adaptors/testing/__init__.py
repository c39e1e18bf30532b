"""Conformance suites: the laws of every role, to be run by each adaptor over its framework's real models.

Subclass the suites of the roles an adaptor fills, in one test file, each with a ``case`` fixture; pytest does the rest::

    class TestAdaptor(AdaptorConformance):
        @pytest.fixture
        def case(self) -> Case:
            return Case(adaptor=MyAdaptor(), make_model=make_model, batches=batches, misfit=wrong_shape)
"""

import pytest

for _module in (
    "case", "opening", "describing", "mixing", "observing", "quantizing", "training", "weights", "distilling", "storing", "exporting",
    "isolating", "hosting",
):  # fmt: skip
    pytest.register_assert_rewrite(f"inc_adaptors.testing.{_module}")

from inc_adaptors.testing.case import Case, PlainTraining, RecordingHooks, assert_close, assert_same, sqnr_db  # noqa: E402  (after the rewrite)
from inc_adaptors.testing.describing import DescribesConformance  # noqa: E402
from inc_adaptors.testing.distilling import DistillsConformance  # noqa: E402
from inc_adaptors.testing.exporting import ExportsConformance  # noqa: E402
from inc_adaptors.testing.hosting import HostsConformance  # noqa: E402
from inc_adaptors.testing.isolating import IsolatesConformance  # noqa: E402
from inc_adaptors.testing.mixing import MixesPrecisionConformance  # noqa: E402
from inc_adaptors.testing.observing import ObservesConformance  # noqa: E402
from inc_adaptors.testing.opening import AdaptorConformance  # noqa: E402
from inc_adaptors.testing.quantizing import QuantizesConformance  # noqa: E402
from inc_adaptors.testing.storing import StoresConformance  # noqa: E402
from inc_adaptors.testing.training import TrainsConformance  # noqa: E402
from inc_adaptors.testing.weights import AccessesWeightsConformance  # noqa: E402

__all__ = [
    "AccessesWeightsConformance", "AdaptorConformance", "Case", "DescribesConformance", "DistillsConformance", "ExportsConformance",
    "HostsConformance", "IsolatesConformance", "MixesPrecisionConformance", "ObservesConformance", "PlainTraining",
    "QuantizesConformance", "RecordingHooks", "StoresConformance", "TrainsConformance", "assert_close", "assert_same", "sqnr_db",
]  # fmt: skip
