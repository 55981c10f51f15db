"""Random expressions over the live variables of a generated program."""

from __future__ import annotations

import numpy as np

from tests.fuzz.calls import TEMPLATES

UNARY_ANY = ("np.negative", "np.abs", "np.square", "-", "np.positive", "np.conjugate", "np.sign")
UNARY_FLOAT = ("np.exp", "np.sin", "np.cos", "np.tanh", "np.sqrt", "np.floor", "np.ceil", "np.rint", "np.trunc", "np.log1p",
               "np.arctan", "np.expm1", "np.cbrt", "np.isnan", "np.isfinite", "np.signbit", "np.log", "np.arcsinh", "np.sinh",
               "np.isinf", "np.reciprocal", "np.exp2", "np.log2", "np.log10", "np.tan", "np.deg2rad", "np.fabs")
UNARY_INT = ("np.invert", "~", "np.bitwise_count", "np.logical_not")
BINARY = ("+", "-", "*", "/", "//", "%", "<", "<=", ">", ">=", "==", "!=", "+", "-", "*")
BINARY_CALL = ("np.maximum", "np.minimum", "np.fmax", "np.fmin", "np.hypot", "np.arctan2", "np.copysign", "np.fmod",
               "np.logical_and", "np.logical_or", "np.logical_xor", "np.power", "np.heaviside", "np.floor_divide",
               "np.logaddexp", "np.gcd", "np.equal", "np.remainder")
BINARY_INT = ("&", "|", "^", "<<", ">>")
REDUCE = ("sum", "prod", "max", "min", "mean", "any", "all", "argmax", "argmin", "var", "std", "ptp")
CUMULATIVE = ("cumsum", "cumprod")
CREATE = ("np.zeros({s}, {d})", "np.ones({s}, {d})", "np.full({s}, {x}, {d})", "np.arange({n})", "np.linspace(-1.0, 2.0, {n})",
          "np.eye({n})", "np.arange({n}, dtype={d})", "np.identity({n})")
DTYPES = ("np.float64", "np.float32", "np.int64", "np.int32", "bool", "np.complex128", "np.uint8", "np.float16", "np.int16")
SCALARS = ("2", "-1", "0.5", "3", "1.5", "True", "0", "-2.25", "np.float32(0.75)", "np.int64(4)", "1e-3")


class Expressions:
    """Texts of expressions. `owner` is the generator, whose `names` are the variables in scope."""

    def __init__(self, choices, owner) -> None:
        self.choices, self.owner = choices, owner

    def feature(self, text: str) -> None:
        self.owner.features[text] += 1

    def scalar(self) -> str:
        scalars = [n for n, v in self.owner.names.items() if not isinstance(v, np.ndarray)]
        return self.choices.pick(scalars) if scalars and self.choices.chance(40) else self.choices.pick(SCALARS)

    def operand(self) -> str:
        roll = self.choices.integer(0, 99)
        if roll < 70:
            return self.choices.pick(list(self.owner.names))
        if roll < 80 and self.owner.arrays(lambda x: x.ndim > 0):
            name = self.choices.pick(self.owner.arrays(lambda x: x.ndim > 0))
            return f"{name}[{self.owner.index(self.owner.names[name].shape, False)}]"
        return self.scalar()

    def partner(self, name: str) -> str:
        """An operand that probably broadcasts with `name`."""
        x = self.owner.names.get(name)
        fit = [n for n in self.owner.arrays() if isinstance(x, np.ndarray) and _broadcasts(self.owner.names[n].shape, x.shape)]
        return self.choices.pick(fit) if fit and self.choices.chance(75) else self.operand()

    def mask(self, name: str) -> str:
        shape = self.owner.names[name].shape
        bools = self.owner.arrays(lambda v: v.dtype == bool and v.shape == shape)
        if bools and self.choices.chance(40):
            return self.choices.pick(bools)
        return f"{name} {self.choices.pick(('>', '<', '!=', '>='))} {self.scalar()}"

    def index(self, shape: tuple[int, ...], advanced: bool) -> str:
        parts = []
        for n in shape[:self.choices.integer(0, len(shape)) if self.choices.chance(30) else len(shape)]:
            parts.append(self.axis_index(n, advanced))
        if self.choices.chance(12):
            parts.insert(self.choices.integer(0, len(parts)), "None")
        if self.choices.chance(12):
            parts.insert(self.choices.integer(0, len(parts)), "...")
        return ", ".join(parts) or "..."

    def axis_index(self, n: int, advanced: bool) -> str:
        c = self.choices
        if advanced and c.chance(60) and n:
            ints = self.owner.arrays(lambda v: v.dtype.kind in "iu" and v.ndim and v.size
                                     and np.all(np.abs(v.astype(float)) < n))
            if ints and c.chance(50):
                return c.pick(ints)
            self.feature("index:array")
            return "[" + ", ".join(str(c.integer(-n, n - 1)) for _ in range(c.integer(1, 3))) + "]"
        form = c.pick(("all", "int", "range", "range", "step", "reverse", "tail", "out"))
        if form == "int" and n:
            return str(c.integer(-n, n - 1))
        if form == "range":
            return f"{c.integer(-n - 1, n)}:{c.integer(-n - 1, n + 1)}"
        return {"step": f"{c.integer(0, 2)}::{c.integer(2, 3)}", "reverse": "::-1", "tail": "1:", "all": ":",
                "out": str(n) if c.chance(5) else ":-1", "int": ":"}[form]

    def expression(self) -> str:
        forms = (self.unary, self.unary, self.binary, self.binary, self.binary, self.binary_call, self.reduction, self.where,
                 self.cast, self.create, self.shape, self.cumulative, self.joined, self.take, self.product, self.ordered,
                 self.operand, self.chain, self.call, self.call, self.call)
        form = self.choices.pick(forms)
        self.feature("form:" + form.__name__)
        return form()

    def call(self) -> str:
        """A function from the table of templates."""
        return self.filled(self.choices.pick(TEMPLATES))

    def filled(self, template: str) -> str:
        """A template with operands in its places: the same letter, the same operand (but for {s}, {n}, {d} and {y})."""
        tests = {"x": lambda v: True, "f": lambda v: v.dtype.kind == "f", "i": lambda v: v.dtype.kind in "iu",
                 "b": lambda v: v.dtype.kind == "b", "e": lambda v: v.size > 0, "m": lambda v: v.ndim == 2,
                 "q": lambda v: v.ndim == 2 and (v.shape[0] == 0) == (v.shape[1] == 0), "v": lambda v: v.ndim == 1,
                 "w": lambda v: v.ndim == 1 and v.flags.writeable, "c": lambda v: v.dtype.kind == "c"}
        first, chosen = "", {}
        out = template.split("{")[0]
        for part in template.split("{")[1:]:
            letter, rest = part[0], part[2:]
            if letter in tests:
                names = self.owner.arrays(tests[letter])
                if not names:
                    return self.operand()
                text = chosen.setdefault(letter, self.choices.pick(names))
                first = first or text
            elif letter == "k":
                rank = self.owner.names[first].ndim
                text = str(self.choices.integer(-rank, rank - 1)) if rank else "None"
            else:
                text = {"s": self.scalar, "y": lambda: self.partner(first), "n": lambda: str(self.choices.integer(0, 3)),
                        "d": lambda: self.choices.pick(DTYPES)}[letter]()
            out += text + rest
        self.feature("call:" + template.split("(")[0].split(".")[-1])
        return out

    def unary(self) -> str:
        name = self.operand()
        kind = np.asarray(self.owner.names.get(name, 1.0)).dtype.kind
        table = UNARY_FLOAT if kind in "f" else UNARY_ANY if kind == "c" else UNARY_INT + UNARY_ANY
        f = self.choices.pick(table + UNARY_ANY)
        self.feature("op:" + f)
        return f"{f}({name})"

    def chain(self) -> str:
        x = self.operand()
        return f"({x} * 0.5 + {self.partner(x)}) - {self.scalar()}"

    def binary(self) -> str:
        x = self.operand()
        y = self.partner(x)
        op = self.choices.pick(BINARY + BINARY_INT if self.choices.chance(30) else BINARY)
        self.feature("op:" + op)
        return f"{x} {op} {y}" if self.choices.chance(85) else f"{y} {op} {x}"

    def binary_call(self) -> str:
        x = self.operand()
        f = self.choices.pick(BINARY_CALL)
        self.feature("op:" + f)
        return f"{f}({x}, {self.partner(x)})"

    def reduction(self) -> str:
        name = self.operand()
        x = np.asarray(self.owner.names.get(name, 0))
        f = self.choices.pick(REDUCE)
        self.feature("reduce:" + f)
        keywords = []
        if x.ndim and self.choices.chance(65):
            axis = self.choices.integer(-x.ndim, x.ndim - 1)
            keywords.append(f"axis={axis}" if f in ("argmax", "argmin") or self.choices.chance(85) else
                            f"axis={tuple(range(min(2, x.ndim)))}")
        if self.choices.chance(20):
            keywords.append("keepdims=True")
        if f in ("sum", "prod", "mean") and self.choices.chance(10):
            keywords.append(f"dtype={self.choices.pick(('np.float64', 'np.float32'))}")
        if f in ("sum", "max", "prod") and self.choices.chance(10):
            keywords.append("initial=1")
        if f in ("sum", "mean", "any") and x.ndim and self.choices.chance(10) and name in self.owner.names:
            keywords.append(f"where={name} != 0")
        if f in ("var", "std") and self.choices.chance(30):
            keywords.append("ddof=1")
        arguments = ", ".join(keywords)
        if self.choices.chance(50) and isinstance(self.owner.names.get(name), np.ndarray) and f != "ptp":
            return f"{name}.{f}({arguments})"
        return f"np.{f}({name}{', ' if arguments else ''}{arguments})"

    def where(self) -> str:
        x = self.operand()
        return f"np.where({x} {self.choices.pick(('>', '<', '=='))} {self.scalar()}, {self.partner(x)}, {self.partner(x)})"

    def cast(self) -> str:
        name = self.operand()
        kind = np.asarray(self.owner.names.get(name, 1)).dtype.kind
        dtype = self.choices.pick(DTYPES)
        self.feature("cast")
        if kind in "fc" and dtype not in ("np.float64", "np.float32", "np.complex128", "bool", "np.float16"):
            return f"np.clip(np.nan_to_num(np.real({name})), 0, 100).astype({dtype})"
        return f"np.asarray({name}).astype({dtype})"

    def create(self) -> str:
        arrays = self.owner.arrays(lambda v: v.ndim > 0)
        shape = self.owner.names[self.choices.pick(arrays)].shape if arrays else (3,)
        n = shape[0]
        if arrays and self.choices.chance(25):
            return f"np.{self.choices.pick(('zeros_like', 'ones_like'))}({self.choices.pick(arrays)}) * 0"
        return self.choices.pick(CREATE).format(s=shape, d=self.choices.pick(DTYPES[:6]), n=n, x=self.choices.pick(("2", "1")))

    def shape(self) -> str:
        arrays = self.owner.arrays(lambda v: v.ndim > 0)
        if not arrays:
            return self.operand()
        name = self.choices.pick(arrays)
        x = self.owner.names[name]
        forms = [f"np.flip({name})", f"np.roll({name}, 1)", f"np.expand_dims({name}, 0)", f"{name}.copy()", f"{name}.ravel()",
                 f"np.broadcast_to({name}, (2,) + {name}.shape)", f"np.tile({name}, 2)", f"np.repeat({name}, 2)",
                 f"{name}.reshape({x.size})", f"np.transpose({name})", f"np.atleast_2d({name})", f"np.squeeze({name})",
                 f"np.moveaxis({name}, 0, -1)", f"{name}.flatten()", f"{name}.reshape({x.shape[::-1]})",
                 f"np.split({name}, 1)[0]"]
        return self.choices.pick(forms)

    def cumulative(self) -> str:
        arrays = self.owner.arrays()
        if not arrays:
            return self.operand()
        name = self.choices.pick(arrays)
        f = self.choices.pick(CUMULATIVE)
        self.feature("cumulative")
        axis = f", axis={self.choices.integer(-self.owner.names[name].ndim, -1)}" \
            if self.owner.names[name].ndim and self.choices.chance(70) else ""
        return f"np.{f}({name}{axis})"

    def joined(self) -> str:
        arrays = self.owner.arrays(lambda v: v.ndim > 0)
        if not arrays:
            return self.operand()
        x = self.choices.pick(arrays)
        y = self.partner(x)
        f = self.choices.pick(("concatenate", "stack", "hstack", "vstack"))
        self.feature("join")
        return f"np.{f}([{x}, {y}])"

    def take(self) -> str:
        arrays = self.owner.arrays(lambda v: v.ndim > 0)
        if not arrays:
            return self.operand()
        name = self.choices.pick(arrays)
        self.feature("gather")
        return f"{name}[{self.owner.index(self.owner.names[name].shape, True)}]"

    def product(self) -> str:
        arrays = self.owner.arrays(lambda v: v.ndim in (1, 2))
        if not arrays:
            return self.operand()
        x = self.choices.pick(arrays)
        y = self.choices.pick(arrays)
        self.feature("product")
        v, w = self.owner.names[x], self.owner.names[y]
        forms = [f"{x} @ {y}", f"np.dot({x}, {y})", f"{x} @ {y}.T", f"np.outer({x}, {y})"]
        if v.ndim == w.ndim == 2:
            forms += [f"np.einsum('ij,kj->ik', {x}, {y})", f"np.einsum('ij,ij->', {x}, {y})", f"np.tensordot({x}, {y}, 1)"]
        return self.choices.pick(forms)

    def ordered(self) -> str:
        arrays = self.owner.arrays(lambda v: v.ndim > 0)
        if not arrays:
            return self.operand()
        self.feature("sort")
        name = self.choices.pick(arrays)
        f = self.choices.pick(("sort", "argsort", "clip", "sort"))
        return f"np.clip({name}, -1, 2)" if f == "clip" else f"np.{f}({name}, axis={self.choices.pick(('-1', '0'))})"


def _broadcasts(a: tuple[int, ...], b: tuple[int, ...]) -> bool:
    try:
        np.broadcast_shapes(a, b)
    except ValueError:
        return False
    return True
