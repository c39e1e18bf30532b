"""Settings that every test shares."""

from __future__ import annotations

import signal

from hypothesis import HealthCheck, settings

# Machines are shared and noisy: how long an example takes says nothing about the law it tests.
settings.register_profile("shared-machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared-machine")

# A process started in the background inherits an ignored SIGINT and hands it on: tests that press Ctrl-C need one that is heard.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
