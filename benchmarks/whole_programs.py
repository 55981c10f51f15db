"""The programs of `programs/` as cases: NumPy and Treadle for all, Numba and JAX for the fifteen fixed beforehand that have
hand-adapted versions (`numba_versions.py`, `jax_versions.py`)."""

from __future__ import annotations

from types import ModuleType

from treadle.benchmarks import jax_versions, numba_versions
from treadle.benchmarks.harness import Case
from treadle.benchmarks.programs import PROGRAMS

WITH_PEERS = ("cholesky", "lu_rank_one", "jacobi_2d", "gauss_seidel", "adi", "recursive_filter", "floyd_warshall", "edit_distance",
              "nbody", "poisson_until_converged", "mandelbrot_escape", "conv2d_bias", "lstm", "spmv_csr", "crc16")


def cases(found: dict[str, ModuleType]) -> list[Case]:
    numba = numba_versions.versions(found["numba"]) if "numba" in found else {}
    jax = jax_versions.versions(found["jax"]) if "jax" in found else {}
    return [Case(p.name, p.function, p.large, numba=numba.get(p.name), jax=jax.get(p.name), fresh=True)
            for p in sorted(PROGRAMS, key=lambda p: p.name not in WITH_PEERS)]
