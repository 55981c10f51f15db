"""Benchmarks and the demonstration: plain NumPy functions run by NumPy, by Treadle, and by its peers where installed.

Start with `harness.py`; `cases/` holds the functions, `programs/` whole programs, `demo.py` what `make demo` runs.
"""
