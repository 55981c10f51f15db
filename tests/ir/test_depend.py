"""The dependence test against exhaustive search: it never says "never" of accesses that meet, nor a wrong distance."""

import random

import pytest
from treadle.ir.depend import ANY, Access, accesses, carried_level, depend, must_meet
from treadle.ir.evaluate_expr import evaluate_expr
from treadle.ir.expr import const, expression_scope, load, op, var
from treadle.ir.loops import Buffer, Call, Carried, For, If, Let, Store
from treadle.ir.ranges import Ranges


@pytest.fixture(autouse=True)
def scope():
    with expression_scope():
        yield


i, j, k, n, t = (var(x) for x in "ijknt")
A = Buffer("A", "f64", (const(99), const(99)))
V = Buffer("V", "f64", (const(99),))
IDX = Buffer("idx", "i64", (const(99),))


def loop(v, lo, hi, body, step=1, **rest):
    lo, hi = (x if not isinstance(x, int) else const(x) for x in (lo, hi))
    return For(v, lo, hi, body, step=step, **rest)


def find(body, which):
    """Accesses of A and V in a nest: (the stores, the loads)."""
    ranges = Ranges().with_variable("n", [0])
    found = [a for a in accesses(body, ranges) if a.buffer in (A, V)]
    return [a for a in found if a.is_store][which], [a for a in found if not a.is_store]


def test_distances_of_a_stencil():
    value = load(A, (i - 1, j)) + load(A, (i, j + 1)) + load(A, (j, i))
    body = [loop("i", 1, n - 1, [loop("j", 1, n - 1, [Store(A, (i, j), value)])])]
    store, (up, right, mirrored) = find(body, 0)
    assert depend(store, up, ["i", "j"]) == (1, 0)
    assert depend(store, right, ["i", "j"]) == (0, -1)
    assert depend(store, mirrored, ["i", "j"]) == (ANY, ANY)
    assert [carried_level(depend(store, r, ["i", "j"])) for r in (up, right, mirrored)] == [0, None, 0]
    assert depend(up, store, ["i", "j"]) == (-1, 0)
    # The outer loop being fixed, the row above is another row.
    assert depend(store, up, ["j"]) is None


def test_lu_writes_what_it_does_not_read():
    body = [loop("k", 0, n, [loop("i", k + 1, n, [loop("j", k + 1, n, [
        Store(A, (i, j), load(A, (i, j)) - load(A, (i, k)) * load(A, (k, j)))])])])]
    store, (own, column, row) = find(body, 0)
    assert depend(store, column, ["i", "j"]) is None and depend(store, row, ["i", "j"]) is None
    assert depend(store, own, ["i", "j"]) == (0, 0)
    assert depend(store, row, ["k", "i", "j"]) == (ANY, ANY, 0)


def test_the_lower_triangle_is_apart_from_the_upper():
    body = [loop("i", 0, n, [loop("j", 0, i, [Store(A, (i, j), load(A, (j, i)))])])]
    store, (mirrored,) = find(body, 0)
    assert depend(store, mirrored, ["i", "j"]) is None


def test_strides_divisors_and_lengths():
    body = [loop("i", 0, 20, [Store(V, (i,), load(V, (i + 3,)) + load(V, (i + 4,)) + load(V, (i + 40,)))], step=2)]
    store, (odd, even, far) = find(body, 0)
    assert depend(store, odd, ["i"]) is None
    assert depend(store, even, ["i"]) == (-2,)
    assert depend(store, far, ["i"]) is None
    body = [loop("i", 0, n, [Store(V, (i * 2,), load(V, (i * 4 + 1,)))])]
    assert depend(*(x if isinstance(x, Access) else x[0] for x in find(body, 0)), ["i"]) is None


def test_reductions_are_loops():
    """A[i, j] = sum of A[i, k] for k < j: in the row, at any later column."""
    total = Carried("s", const(0.0, "f64"), var("s", "f64") + load(A, (i, k)), "total", "add")
    body = [loop("i", 0, n, [loop("j", 0, n, [loop("k", 0, j, [], kind="red", carried=[total]),
                                             Store(A, (i, j), var("total", "f64"))])])]
    store, (term,) = find(body, 0)
    assert depend(store, term, ["i", "j"]) == (0, ANY)
    assert depend(store, term, ["j"]) == (ANY,)
    # Within one iteration of j, what is summed lies before the store.
    assert depend(store, term, []) is None


def test_what_differs_between_iterations_is_not_compared():
    """V[idx[i]] and V[idx[i] + 1] may meet in different iterations."""
    at = load(IDX, (i,))
    store, reads = find([loop("i", 0, n, [Store(V, (at,), load(V, (at + 1,)))])], 0)
    assert depend(store, reads[0], ["i"]) == (ANY,)
    body = [loop("i", 0, n, [Let("t", op("quot", i * 7, const(3))), Store(V, (t,), load(V, (t + 1,)))])]
    store, reads = find(body, 0)
    assert depend(store, reads[0], ["i"]) == (ANY,)
    assert depend(store, reads[0], []) is None
    # A name from outside is one value throughout.
    body = [Let("t", op("quot", n, const(3))), loop("i", 0, n, [Store(V, (i + t,), load(V, (i + t - 1,)))])]
    store, reads = find(body, 0)
    assert depend(store, reads[0], ["i"]) == (1,)


def test_conditions_part_accesses():
    body = [loop("i", 0, n, [If(i < 5, [Store(V, (i,), const(1.0, "f64"))], [Store(V, (i - 5,), load(V, (i,)))])])]
    store, (read,) = find(body, 0)
    assert depend(store, read, ["i"]) is None
    other, _ = find(body, 1)
    assert depend(other, read, ["i"]) == (-5,)


def test_loops_inside_are_free():
    store, (read,) = find([loop("i", 0, n, [loop("j", 0, n, [Store(V, (j,), load(V, (j + 1,)))])])], 0)
    assert depend(store, read, ["i"]) == (ANY,)
    assert depend(store, read, ["j"]) == (-1,)
    # The range of the inner loop moves: five columns later is another row, though no row is that long.
    store, (read,) = find([loop("i", 0, 20, [loop("j", i, i + 3, [Store(V, (j,), load(V, (j - 5,)))])])], 0)
    assert depend(store, read, ["i", "j"]) == (ANY, 5) and depend(store, read, ["j"]) is None


def test_memory_that_is_written_is_not_one_number():
    fixed = Buffer("fixed", "i64", (const(99),), place="arg", readonly=True)
    for index, same in ((IDX, False), (fixed, True)):
        at = load(index, (const(0),))
        store, reads = find([loop("i", 0, n, [Store(V, (at,), load(V, (at + 1,)) + load(V, (at,)))])], 0)
        assert depend(store, reads[0], ["i"]) == (None if same else (ANY,))
        assert must_meet(store, reads[1], "i", 1) is same
        body = [loop("i", 0, n, [If(at < 3, [Store(V, (at,), const(1.0, "f64"))], [Store(A, (at, at), load(V, (at,)))])])]
        store, (read,) = find(body, 0)
        assert depend(store, read, ["i"]) == (None if same else (ANY,))


def test_library_calls_touch_everything():
    call = Call("dgemm", (V,), (A,), ())
    found = accesses([loop("i", 0, n, [call, Store(V, (i,), load(A, (i, i)))])], Ranges())
    reads, writes, load_, store = found
    assert [x.index is None for x in found] == [True, True, False, False]
    assert depend(reads, store, ["i"]) == (ANY,) and depend(store, reads, ["i"]) == (ANY,)
    assert depend(load_, writes, ["i"]) == (ANY,) and not must_meet(writes, load_, "i", 0)
    assert not must_meet(store, reads, "i", 0) and not must_meet(load_, store, "i", 0)


def test_conditions_belong_to_their_own_iteration():
    body = [loop("i", 0, n, [If(i < 5, [Store(V, (i,), const(1.0, "f64"))], [Store(A, (i, i), load(V, (i - 5,)))])])]
    store, (read,) = find(body, 0)
    assert depend(store, read, ["i"]) == (5,)


def test_equal_texts_differ_between_trips():
    body = [loop("i", 0, n, [Let("t", op("quot", i * 7, const(3))), Store(V, (t,), load(V, (t,)))])]
    store, (read,) = find(body, 0)
    assert not must_meet(store, read, "i", 1)


def test_the_first_distance_that_is_not_zero_decides():
    assert [carried_level(d) for d in ((0, -1, 1), (0, 1, -1), (0, ANY), (0, 0))] == [None, 1, 1, None]


def test_may_is_not_must():
    body = [loop("i", 1, n, [Store(V, (i,), load(V, (i - 1,)) + load(V, (j,)) + load(V, (load(IDX, (i,)),)))])]
    store, (before, other, indirect) = find(body, 0)
    assert depend(store, before, ["i"]) == (1,) and must_meet(store, before, "i", 1)
    assert not must_meet(store, before, "i", 0) and not must_meet(store, before, "i", 2)
    assert depend(store, other, ["i"]) == (ANY,) and not must_meet(store, other, "i", 1)
    assert not must_meet(store, indirect, "i", 1)
    # A distance of 1 on the one axis that is decided; the other may differ.
    body = [loop("i", 1, n, [Store(A, (i, t), load(A, (i - 1, k)))])]
    store, (read,) = find(body, 0)
    assert depend(store, read, ["i"]) == (1,) and not must_meet(store, read, "i", 1)
    body = [loop("i", 0, n, [Store(V, (i,), load(V, (i - 2,)))], step=2)]
    store, (read,) = find(body, 0)
    assert must_meet(store, read, "i", 1)


# Exhaustive search.


def random_form(r, names):
    e = const(r.randint(-1, 1))
    for v in r.sample(names, r.randint(1, min(2, len(names)))):
        e = e + var(v) * r.choice([1, 1, 1, -1, 2, 3])
    return e


def random_bounds(r, outer):
    base = r.choice([const(r.randint(-1, 2)), *[var(v) + r.randint(-1, 1) for v in outer]])
    lo, hi = base, base + r.randint(2, 5)
    if r.random() < 0.2:
        hi = op("min", hi, const(4))
    step = r.choice([1, 1, 1, 2, -1, -2])
    return (lo, hi, step) if step > 0 else (hi, lo, step)


def random_nest(r):
    """A nest of common loops, around two accesses that may each have a loop or a condition of its own."""
    common = ["i", "j", "k"][:r.randint(1, 3)]
    loops = [(v, *random_bounds(r, common[:p])) for p, v in enumerate(common)]
    parts = []
    buffer, first = r.choice([A, V]), ()
    for private in ("p", "q"):
        own = [private] if r.random() < 0.4 else []
        names = common + own
        index = tuple(random_form(r, names) for _ in buffer.dims)
        if first and r.random() < 0.5 and not any("p" in e.variables for e in first):
            index = tuple(e + r.randint(-1, 1) for e in first)
        first = index
        statement = Store(buffer, index, const(1.0, "f64"))
        if r.random() < 0.2:
            statement = If(random_form(r, names) < random_form(r, names), [statement], [])
        if own:
            lo, hi, step = random_bounds(r, common)
            statement = For(private, lo, hi, [statement], step=step)
        parts.append(statement)
    body = parts
    for v, lo, hi, step in reversed(loops):
        body = [For(v, lo, hi, body, step=step)]
    return body, loops


def runs(s, env, path, out):
    """Every execution of a store below `s`: its cell and the loop variables then."""
    if isinstance(s, For):
        lo, hi = (int(evaluate_expr(e, env)) for e in (s.lo, s.hi))
        for x in range(lo, hi, s.step):
            for inner in s.body:
                runs(inner, {**env, s.var: x}, path, out)
    elif isinstance(s, If):
        if evaluate_expr(s.cond, env):
            for inner in s.then:
                runs(inner, env, path, out)
    else:
        out.setdefault(s, []).append((tuple(int(evaluate_expr(e, env)) for e in s.index), env))


def check_nest(r):
    body, loops = random_nest(r)
    first, second = [a for a in accesses(body, Ranges()) if a.is_store]
    found = {}
    runs(body[0], {}, (), found)
    common = [v for v, *_ in loops]
    # Outer loops are in one trip; of loops inside of those asked about, nothing is said.
    depth = r.randint(0, len(common))
    inner, outer = common[depth:r.choice([depth, len(common), len(common)])], common[:depth]
    if r.random() < 0.2:
        inner, outer = common[:1], []
    if not inner:
        outer = common
    steps = {v: step for v, _, _, step in loops}
    distance = depend(first, second, inner)
    met = 0
    for cell, env in found.get(first.statement, []):
        for other, later in found.get(second.statement, []):
            if cell == other and all(env[v] == later[v] for v in outer):
                met += 1
                assert distance is not None, (body, inner, env, later)
                for v, d in zip(inner, distance, strict=True):
                    assert d == ANY or d * steps[v] == later[v] - env[v], (body, inner, distance, env, later)
    return distance, met


def test_exhaustively():
    r = random.Random(3)
    never = exact = wrong = 0
    for _ in range(1200):
        distance, met = check_nest(r)
        never += distance is None
        wrong += distance is not None and not met
        exact += distance is not None and ANY not in distance and bool(distance)
    # It must also be of use: most pairs that never meet are seen, and many distances are exact.
    assert never > 600 and exact > 30 and wrong < 150, (never, exact, wrong)


def test_must_meet_exhaustively():
    r = random.Random(4)
    sure = 0
    for _ in range(800):
        body, loops = random_nest(r)
        first, second = [a for a in accesses(body, Ranges()) if a.is_store]
        v, *_, step = loops[-1]
        trips = r.choice([-1, 0, 1, 2])
        if not must_meet(first, second, v, trips):
            continue
        sure += 1
        found = {}
        runs(body[0], {}, (), found)
        for cell, env in found.get(first.statement, []):
            for other, later in found.get(second.statement, []):
                if all(env[u] == later[u] for u, *_ in loops[:-1]) and later[v] - env[v] == trips * step:
                    assert cell == other
    assert sure > 10
