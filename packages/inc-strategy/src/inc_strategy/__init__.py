"""Tuning strategies, trials, criteria and the crash-safe event ledger; never sees a framework."""

from inc_strategy.actions import Action, Evaluate, Probe, Stop, Wait
from inc_strategy.exit import exit_reason, spent_s
from inc_strategy.ledger import Ledger
from inc_strategy.outcome import Hurt, Outcome, summary
from inc_strategy.protocol import Strategy, builds_up
from inc_strategy.trial import Item, Measurement, Pending, ProbeResult, Trial, TrialStatus
from inc_strategy.view import View

__all__ = [
    "Action", "Evaluate", "Hurt", "Item", "Ledger", "Measurement", "Outcome", "Pending", "Probe", "ProbeResult", "Stop", "Strategy",
    "Trial", "TrialStatus", "View", "Wait", "builds_up", "exit_reason", "spent_s", "summary",
]  # fmt: skip
