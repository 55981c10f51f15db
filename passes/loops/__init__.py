"""Passes over the loop dialect, one a file; each changes a `LoopFunction` in place and returns it.

Every test of legality rests on `ir/depend.py`; each is itself tested by switching it off.  `compiler/pipeline.py` has the order.
"""
