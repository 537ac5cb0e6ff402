"""The ladder: every rung computes what the loops compute, and the script says so in its table and figure."""
import re
import sys

import numpy as np
import pytest
from bounds import assert_rounded, convolution, sums
from PIL import Image
from scripts import copy_project, run_script

import common.fast
from ch05.how_it_got_fast import RUNGS, Im2col, Loops, Slices, climb
from common.layers import Convolution


@pytest.fixture
def fast_on_again():
    yield
    common.fast.on()


@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize("build, dtype", [(Loops, np.float64), (Im2col, np.float64), (Im2col, np.float32),
                                          (lambda W, b: Slices([Convolution(W, b)]), np.float32)])
def test_every_convolution_of_the_ladder_is_right(build, dtype, fast, rng, fast_on_again):
    common.fast.on() if fast else common.fast.off()
    N = 2 if build is Loops else 60
    x, W, b, dout = (rng.normal(size=shape).astype(dtype) for shape in ((N, 2, 6, 5), (3, 2, 3, 2), (3,), (N, 3, 4, 4)))
    layer = build(W, b)
    got = {"out": layer.forward(x), "dx": layer.backward(dout)}
    owner = layer.layers[0] if isinstance(layer, Slices) else layer
    got.update({"dW": owner.dW, "db": owner.db})
    for name, expected in sums(lambda *arrays: convolution(*arrays, 1, 0), x, W, b, dout).items():
        assert_rounded(got[name], *expected, name)


def test_switched_off_the_engine_cuts_no_batch(rng, fast_on_again):
    layer = Convolution(rng.normal(size=(3, 1, 3, 3)), np.zeros(3))
    common.fast.off()
    layer.forward(rng.normal(size=(60, 1, 8, 8)))
    assert layer.slices is None
    common.fast.on()
    layer.forward(rng.normal(size=(60, 1, 8, 8)))
    assert len(layer.slices) == 3


def test_a_wrong_rung_is_seen_in_its_difference(fast_on_again, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", "a stand-in")
    few = {"x": np.ones((2, 1))}
    measured = climb(lambda rung, values: lambda: {"out": values["x"] * (1.25 if rung == "slices" else 1)},
                     lambda torch, values: lambda: {"out": values["x"]}, few, 3, 1)
    assert {rung: share for rung, (_, share) in measured.items() if share} == {"slices": 0.25}
    assert list(measured) == [*RUNGS, "PyTorch"]


def test_the_script_prints_every_rung_and_draws(tmp_path):
    folder = copy_project(tmp_path, "ch05") / "ch05"
    (folder / "torch.py").write_text("raise ImportError")       # as on a machine that lacks it
    script = folder / "how_it_got_fast.py"
    script.write_text(script.read_text("utf-8").replace("DIFFERENT = 2 ", "DIFFERENT = 1 "), "utf-8")   # twice as fast
    result = run_script(script, "--images", 2, "--repeat", 1, timeout=600)
    rows = re.findall(r"^\| ([^|]+) \| [\d.]+ \| [\d.]* \| ([\d.e+-]+) \|$", result.stdout, re.M)
    ours = [(rung, float(share)) for rung, share in rows if rung != "PyTorch"]
    assert [rung for rung, _ in ours] == 2 * [" ".join(rung.split()) for rung in RUNGS]
    # A sum of n products is wrong by less than n eps times its largest partial sum; n is 3 * 24 * 24 windows at most.
    for rung, share in ours:
        assert share < 3 * 24 * 24 * np.finfo(np.float64 if rung in ("nested loops", "im2col") else np.float32).eps
    assert np.asarray(Image.open(folder / "how_it_got_fast.png").convert("L")).std() > 5
