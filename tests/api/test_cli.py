"""The command line."""

import subprocess
import sys

import pytest
from treadle.compiler import cli


def test_info():
    text = cli.info()
    for word in ("treadle", "numpy", "vectors of", "threads", "blas", "cuda", "TREADLE_DUMP"):
        assert word in text


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "model.py"
    path.write_text("import numpy as np\nimport treadle\nN = 3\n\ndef step(x, rate):\n"
                    "    return np.tanh(x) * rate\n\nfast = treadle.jit(step)\n")
    return path


@pytest.mark.parametrize("stage, word", [("optimized", "tanh"), ("loops", "for"), ("asm", "ret"), ("report", "copies"),
                                         ("html", "<pre>")])
def test_ir(file, capsys, stage, word):
    for name in ("step", "fast"):
        assert cli.run(["ir", f"{file}:{name}", "np.ones((N, 4))", "0.5", "--stage", stage], {}) == 0
        assert word in capsys.readouterr().out


def test_ir_names_what_is_missing(file):
    with pytest.raises(SystemExit, match="expected FILE:FUNCTION"):
        cli.run(["ir", "step"], {})
    with pytest.raises(SystemExit, match="defines no other"):
        cli.run(["ir", f"{file}:other"], {})


def test_other_commands_get_the_rest_of_the_line():
    seen = []
    assert cli.run(["demo", "folder"], {"demo": seen.append}) == 0 and seen == [["folder"]]


def test_as_a_module():
    done = subprocess.run([sys.executable, "-m", "treadle", "info"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and "vectors of" in done.stdout
