"""Typed configuration, plans, capabilities and the 1.x YAML reader for model compression: pure data, no framework."""
