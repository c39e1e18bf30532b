"""Tuning strategies, trials, criteria and the crash-safe event ledger; never sees a framework."""
