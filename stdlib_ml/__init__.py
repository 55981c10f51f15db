"""The machine-learning standard library: estimators in plain NumPy under `treadle.jit`, to scikit-learn's conventions.

It uses Treadle's public names only, so that everything here could have been written by a user.
"""
