"""Latency and throughput people can trust: paired, interleaved, judged on CPU time."""
