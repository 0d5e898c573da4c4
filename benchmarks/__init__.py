"""The benchmarks: `python -m benchmarks [names...]`. Each runs the hub beside its baseline and prints both figures.

They are figures, not tests: a missed target is printed as missed and fails nothing.
"""
