"""`match` on run-time values: the case that Python takes, with the names that it binds."""

from dataclasses import dataclass
from enum import Enum

import numpy as np
import pytest
from treadle import jit
from treadle.ir.errors import UnsupportedError

from tests.comparator import difference, fresh, observe

N = np.array([0, 1, 2, 3, 7, -4])


class S(Enum):
    IDLE = 0
    RUN = 1


@dataclass
class C:
    r: float


@dataclass
class Q:
    w: float
    h: float


def agrees(f, *arguments):
    make = fresh(arguments)
    want, compiled = observe(f, make), jit(f)
    for _ in range(2):
        assert difference(observe(compiled, make), want) is None


def m1(ops):
    acc = 0
    for i in range(len(ops)):
        match int(ops[i]):
            case 0:
                acc += 1
            case 1 | 2:
                acc *= 2
            case n if n > 5:
                acc -= n
            case -4:
                acc += 1000
            case _:
                acc += 100
    return acc


def m2(ops):
    acc = 1.0
    for op, arg in ops:
        match (op, arg):
            case [0, x]:
                acc += x
            case [1, x]:
                acc *= x
            case [2, _]:
                acc = -acc
            case _:
                break
    return acc


def m3(ops):
    for o in ops:
        match o:
            case 1:
                continue
            case 3:
                return 'three'
            case k if k < 0:
                raise ValueError('neg')
    return k


def m4(ops):
    st = 'idle'
    n = 0
    for o in ops:
        match st:
            case 'idle':
                if o > 0:
                    st = 'run'
            case 'run' if o > 2:
                st = 'stop'
            case 'run':
                n += 1
            case "stop" | "done":
                n += 10
                if o < 0:
                    st = 'done'
            case _:
                n += 100
    return (st, n)


def m5(ops):
    st = S.IDLE
    n = 0
    for o in ops:
        match st:
            case S.IDLE:
                st = S.RUN
                n += o
            case S.RUN if o > 2:
                st = S.IDLE
            case S.RUN:
                n -= 1
    return (st, n)


def m6(x):
    t = (x[0], x.sum(), len(x))
    match t:
        case [a]:
            return a
        case [0, *rest]:
            return rest
        case [a, b, c] if a > b:
            return a
        case [a, [b, c], _]:
            return 5
        case [a, *_, c]:
            return (a, c)


def m7(x):
    match x[0]:
        case True:
            return 't'
        case None:
            return 'n'
        case 0.0:
            return 'z'
        case v:
            return v


def m8(x, cmd):
    match cmd:
        case 0:
            return x.sum()
        case int():
            return x * cmd
        case 'a' | 'b':
            return x.max()
        case {'k': v}:
            return x + v
        case None:
            return x
        case [p, q]:
            return x[p] + q


def m9(x):
    r = None
    for i, v in enumerate(x):
        if v > 2:
            r = (i, v)
    match r:
        case None:
            return -1
        case [i, v]:
            return i + v


def m10(x):
    match (x.sum() > 5, x[0]):
        case [True, 0]:
            return 1
        case [False, y]:
            return y
        case [_, y] if y == 1:
            return 2
    return 3


def cls(x, c):
    match c:
        case bool():
            return 1
        case int(n):
            return x * n
        case float() as f:
            return x + f
        case str():
            return len(c)
        case np.integer():
            return c
        case _:
            return 0


def shapes(x):
    t = 0.0
    for s in [C(2.0), Q(x.sum(), 3.0), C(x[1]), Q(0.0, 1.0)]:
        match s:
            case C(r) if r > 1:
                t += r * r
            case C(r=r):
                t -= r
            case Q(0.0, h):
                t += 100 * h
            case Q(w, h=h):
                t += w * h
    return t


def outside(s, x):
    match s:
        case C(r):
            return x * r
        case Q(w=w, h=hh):
            return x * w + hh
    return None


def tup(x):
    match (x[0], x[1]):
        case [0, 1] | [1, 0]:
            return 'a'
        case [int(), _]:
            return 'i'
        case np.ndarray():
            return 'arr'
        case [p, q] if p < q:
            return p


@pytest.mark.parametrize(("f", "arguments"), [
    *((m1, arguments) for arguments in [(N,),(np.array([3,3,1]),)]),
    *((m2, arguments) for arguments in [(np.array([[0,1],[1,2],[2,3],[5,5],[0,1]]),)]),
    *((m3, arguments) for arguments in [(N,)]),
    *((m4, arguments) for arguments in [(N,),(N*0,),(N*0-1,)]),
    *((m5, arguments) for arguments in [(N,)]),
    *((m6, arguments) for arguments in [(N,),(np.array([1]),)]),
    *((m7, arguments) for arguments in [(N,),(np.array([1]),)]),
    *((m8, arguments) for arguments in [(N,3),(N,0),(N,"a"),(N,{"k":1}),(N,None),(N,[1,2])]),
    *((m9, arguments) for arguments in [(N,),(N*0,)]),
    *((m10, arguments) for arguments in [(N,),(N+1,)]),
    *((cls, arguments) for arguments in [(N,3),(N,2.5),(N,np.float64(2.5)),(N,np.int64(2)),(N,"ab"),(N,True)]),
    *((shapes, arguments) for arguments in [(N,),(N-4,)]),
    *((outside, arguments) for arguments in [(C(1.0),N),(Q(2.0,3.0),N),(3,N)]),
    *((tup, arguments) for arguments in [(N,),(N+1,)]),
])
def test_agrees(f, arguments):
    agrees(f, *arguments)


def test_alternatives_that_bind_names_are_refused():
    def f(x):
        match (x[0], x[1]):
            case (0, v) | (v, 0):
                return v
        return -1

    with pytest.raises(UnsupportedError, match="write a case for each alternative"):
        jit(f)(N)
