"""Text to machine code: results, constants, external symbols, errors, unloading."""

import ctypes
import gc
import math

import pytest
from treadle.runtime import cpu
from treadle.runtime.engine import CodeError, Engine, undefined_symbols

engine = Engine(cpu.host())


def function(library, name, result, *args):
    return ctypes.CFUNCTYPE(result, *args)(library.address(name))


def resident_mb() -> float:
    with open("/proc/self/statm") as f:
        return int(f.read().split()[1]) * 4096 / 1e6


def test_constants_and_external_functions():
    library = engine.compile("""
@table = internal constant [4 x double] [double 1.5, double 2.5, double 3.5, double 4.5]
declare double @sin(double)
declare double @treadle_test_scale(double)
define double @f(i64 %i) {
  %p = getelementptr double, ptr @table, i64 %i
  %x = load double, ptr %p
  %s = call double @sin(double %x)
  %t = call double @treadle_test_scale(double %s)
  %u = fadd double %t, 0.1234567
  ret double %u
}""", {"treadle_test_scale": ctypes.cast(scale, ctypes.c_void_p).value})
    f = function(library, "f", ctypes.c_double, ctypes.c_int64)
    assert [f(k) for k in range(4)] == [math.sin(k + 1.5) * 10 + 0.1234567 for k in range(4)]


@ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)
def scale(x):
    return x * 10


@pytest.mark.parametrize("level", [0, 2])
def test_whole_vector_width(level):
    n = cpu.host().vector_bits // 64
    library = engine.compile(f"""
define void @f(ptr %x) {{
  %v = load <{n} x double>, ptr %x, align 8
  %w = fmul <{n} x double> %v, splat (double 3.0)
  store <{n} x double> %w, ptr %x, align 8
  ret void
}}""", level=level)
    x = (ctypes.c_double * n)(*range(n))
    function(library, "f", None, ctypes.c_void_p)(ctypes.addressof(x))
    assert list(x) == [3.0 * k for k in range(n)]


def test_unknown_symbols_are_named():
    with pytest.raises(CodeError, match="treadle_no_such_thing"):
        engine.compile("declare void @treadle_no_such_thing()\n"
                       "define void @f() {\n call void @treadle_no_such_thing()\n ret void\n}")


def test_calls_that_llvm_introduces_are_listed():
    code = engine.object_code("""
declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)
define void @f(ptr %x, i64 %n) {
  call void @llvm.memset.p0.i64(ptr %x, i8 0, i64 %n, i1 false)
  ret void
}""")
    assert undefined_symbols(code) == ["memset"]


@pytest.mark.parametrize("text, message", [("define void @f( {", "rejects"), ("define i64 @f() {\n ret i32 0\n}", "rejects")])
def test_bad_text_is_rejected(text, message):
    with pytest.raises(CodeError, match=message):
        engine.compile(text)


def test_a_name_is_defined_or_an_error():
    with pytest.raises(CodeError, match="no function g"):
        engine.compile("define void @f() {\n ret void\n}").address("g")


def test_assembly_shows_the_instructions():
    assert "ret" in engine.assembly("define i64 @f(i64 %x) {\n %y = mul i64 %x, 7\n ret i64 %y\n}")


def test_a_lower_cpu_level_uses_narrower_vectors():
    if not cpu.host().is_x86:
        pytest.skip("levels are x86-64's")
    text = "define void @f(ptr %x) {\n %v = load <4 x double>, ptr %x\n store <4 x double> %v, ptr %x, align 8\n ret void\n}"
    assert "ymm" not in Engine(cpu.host("x86-64-v2")).assembly(text)
    with pytest.raises(ValueError, match="unknown CPU level"):
        cpu.host("x86-64-v9")


def test_dropped_code_is_given_back():
    def compile_many(first, count):
        for k in range(first, first + count):
            library = engine.compile(f"define double @f{k}(double %x) {{\n %y = fmul double %x, {k}.25\n ret double %y\n}}")
            assert library.address(f"f{k}")
        gc.collect()

    compile_many(0, 200)
    before = resident_mb()
    compile_many(200, 400)
    assert resident_mb() - before < 2
