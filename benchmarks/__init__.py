"""Benchmarks: plain scripts that measure ratios side by side in one run; see README.md here."""
