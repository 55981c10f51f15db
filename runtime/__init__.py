"""What native code needs at run time: the CPU's facts, compilation to machine code, threads, memory, libraries, calls.

Nothing here knows the IR: it takes text, names, addresses and plain descriptions, so a hand-written kernel can use it.
Start reading at `engine.py` (text to machine code), then `entry.py` (one call from Python).
"""
