# ruff: noqa: S101 - the suites are tests
"""The laws of ``roles.Hosts``."""

from __future__ import annotations

from inc_config.target import Target

from inc_adaptors.roles import Hosts, require
from inc_adaptors.testing.case import Case, assert_close


class HostsConformance:
    """Running models in the runtime that they were made for."""

    def test_the_adaptors_own_runtime_comes_first_and_hosts_its_own_target(self, case: Case) -> None:
        """Without a word of the user's nothing else is run."""
        hosts, own = require(case.adaptor, Hosts, step="test"), case.adaptor.target()
        assert hosts.runtimes()[0] is own.runtime
        assert hosts.host(own) is own.runtime

    def test_every_runtime_here_hosts_its_target_and_computes_the_same_in_float(self, case: Case) -> None:
        """Up to rounding: runtimes add in other orders."""
        hosts, handle = require(case.adaptor, Hosts, step="test"), case.open()
        expected = case.adaptor.predict(handle, case.batches[0])
        for runtime in hosts.runtimes():
            assert hosts.host(Target(runtime=runtime)) is runtime
            assert_close(hosts.predictor_in(handle, runtime, threads=1)(case.batches[0]), expected, tolerance=1e-3)
