"""Peers in processes of their own: the table has their times, and a peer that cannot run a case is a result."""

import pytest
from treadle.benchmarks.apart import Apart
from treadle.benchmarks.harness import Case, measure_case
from treadle.benchmarks.suites import SUITES


class Fake:
    """A peer that takes a second per call, or refuses, or has no version."""

    def __init__(self, answer):
        self.answer, self.asked = answer, 0

    def prepare(self, case):
        return self.answer

    def seconds(self, case, calls):
        self.asked += 1
        return 1.0


def test_a_peer_apart_is_timed_in_turn():
    peers = {"numba": Fake({"first_call": 3.0, "error": 0.0}), "jax": Fake({"refused": "TypeError: no"})}
    result = measure_case(Case("double", lambda x: x * 2, lambda: (21,)), {}, 0.01, peers)
    assert result.seconds["numba"] == 1.0 and result.first_call["numba"] == 3.0 and result.ratio("numba") > 1
    assert peers["numba"].asked > 5 and result.refused == {"jax": "TypeError: no"} and "jax" not in result.seconds
    assert set(result.seconds) == {"numpy", "treadle", "numba"}


def test_a_peer_without_a_version_is_left_out():
    result = measure_case(Case("double", lambda x: x * 2, lambda: (21,)), {}, 0.01, {"numba": Fake({})})
    assert set(result.seconds) == {"numpy", "treadle"} and not result.refused


def test_what_numpy_cannot_run_is_a_failure():
    with pytest.raises(RuntimeError, match="numpy does not run nothing: ZeroDivisionError"):
        measure_case(Case("nothing", lambda: 1 // 0, lambda: ()), {}, 0.01)


def test_a_process_times_what_it_is_asked_for():
    pytest.importorskip("numba")
    case = next(c for c in SUITES["programs"]({}) if c.name == "crc16")
    peer = Apart("programs", "numba")
    try:
        answer = peer.prepare(case)
        assert answer["error"] == 0.0 and answer["first_call"] > 0
        assert 0 < peer.seconds(case, 2) < 60
        assert peer.prepare(next(c for c in SUITES["programs"]({}) if c.name == "life")) == {}
    finally:
        peer.close()
