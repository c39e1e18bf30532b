"""What a benchmark says: figures, how far they can be trusted, and on what machine they were taken."""

from inc_bench.results.model import BenchmarkResult, Estimate, InstanceResult, Latencies, Mode, Noise, ServerFacts

__all__ = ["BenchmarkResult", "Estimate", "InstanceResult", "Latencies", "Mode", "Noise", "ServerFacts"]
