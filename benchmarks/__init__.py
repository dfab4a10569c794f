"""Benchmarks: each workload is written once and runs on every library in one run (`python -m benchmarks --help`)."""
