"""Do the tests notice? Puts one small mistake at a time into a copy of the project and runs the tests of that module.

    python tests/fuzz/mutations.py [--times N]      N of the mistakes, drawn at random; without it, all

The mistakes are those one makes when writing a backward pass or an optimizer by hand: a sign, an axis, a transpose, a
missing 1/N, a filter not turned, a power of beta. Prints a line for each; the exit code is 1 if one goes unnoticed.
"""
import argparse
import os
import random
import re
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from scripts import ROOT, copy_project

TESTS = {       # module: the tests that ought to notice
    "layers": ["layers"], "windows": ["layers"], "columns": ["layers"], "functions": ["functions"],
    "optimizer": ["optimizer"], "training/averaging": ["averaging"], "training/best_weights": ["averaging"],
    "training/schedule": ["schedule", "checkpoint"], "util": ["util"], "sliced": ["sliced"],
    "network": ["multi_layer_net"],
}
TIMEOUT = 120   # seconds; a mistake may hang

MISTAKES = [    # (module, the text, what it becomes)
    ("layers", "np.greater,", "np.greater_equal,"),
    ("layers", "(1 - out) *", "(1 + out) *"),
    ("layers", "product(dout, self.W.T)", "product(dout, self.W)"),
    ("layers", "product(self.x.T, dout)", "product(self.x, dout)"),
    ("layers", "self.db = dout.sum(axis=0)", "self.db = dout.mean(axis=0)"),
    ("layers", "t] -= 1", "t] += 1"),
    ("layers", "dx -= t", "dx += t"),
    ("layers", "(dout / len(y))", "(dout / y.size)"),
    ("layers", "self.label_smoothing / K", "self.label_smoothing"),
    ("layers", "(x.shape, 1 - self.dropout_ratio", "(x.shape, self.dropout_ratio"),
    ("layers", "np.multiply(x, 1 - self.dropout_ratio", "np.multiply(x, 1 + self.dropout_ratio"),
    ("layers", "self.gamma / self.std", "self.gamma * self.std"),
    ("layers", "dout - dbeta - xn", "dout - dbeta + xn"),
    ("layers", "self.dbeta / len(rows)", "self.dbeta"),
    ("layers", "dout * xn, rows", "dout, rows"),
    ("layers", "self.running_mean + (1 - self.momentum)", "self.running_mean + (1 + self.momentum)"),
    ("layers", "std = np.sqrt(var + 1e-6)", "std = np.sqrt(var) + 1e-6"),
    ("layers", "np.sqrt(self.running_var + 1e-6)", "np.sqrt(self.running_var) + 1e-6"),
    ("layers", "transpose(0, 3, 1, 2)", "transpose(0, 3, 2, 1)"),
    ("windows", "W[:, :, ::-1, ::-1]", "W[:, :, ::-1, :]"),
    ("windows", "FH - 1 - pad, FW - 1 - pad", "FW - 1 - pad, FH - 1 - pad"),
    ("windows", "transpose(1, 0, 2, 3)", "transpose(1, 0, 3, 2)"),
    ("windows", "stride * pixel, row, pixel", "stride * pixel, pixel, row"),
    ("windows", "transpose(3, 4, 0, 1, 2)\n", "transpose(4, 3, 0, 1, 2)\n"),
    ("windows", "C, FN).transpose(3, 2, 0, 1)", "C, FN).transpose(3, 2, 1, 0)"),
    ("windows", "stride] += dcol", "stride] = dcol"),
    ("windows", "images[...] = 0", "pass"),
    ("windows", "images.strides[0] - row", "images.strides[0] - pixel"),
    ("windows", "images.strides[1] - pixel", "images.strides[1] - row"),
    ("windows", "padded[:, pad:pad + height", "padded[:, :height"),
    ("windows", "= target[:, pad:pad + height", "= target[:, :height"),
    ("windows", "waiting &= np.not_equal", "waiting |= np.not_equal"),
    ("windows", "for tap in taps[:-1]", "for tap in taps[1:]"),
    ("windows", "stride < max(", "stride < min("),
    ("windows", "_taps(_padded(x_last[part], pad, pad, -np.inf)", "_taps(_padded(x_last[part], pad, pad)"),
    ("windows", "height % stride == width % stride == 0", "height % stride == 0"),
    ("windows", "pool_h == pool_w == stride", "pool_h == stride"),
    ("windows", ".reshape(-1, FN).sum(axis=0)\n", ".reshape(-1, FN).mean(axis=0)\n"),
    ("columns", ".reshape(-1, C).sum(axis=0)", ".reshape(-1, C).mean(axis=0)"),
    ("functions", "return y * (1 - y)", "return y * (1 + y)"),
    ("functions", "(x > 0).astype", "(x >= 0).astype"),
    ("functions", "e / np.sum(e, axis=-1", "e / np.sum(e, axis=0"),
    ("functions", "return -_pick(log_y, t) / len(y)", "return -_pick(log_y, t) / y.size"),
    ("functions", "return -_pick(log_y, t) / len(x)", "return -_pick(log_y, t)"),
    ("functions", "return 0.5 * np.sum", "return np.sum"),
    ("util", "stride] += col[", "stride] = col["),
    ("util", "transpose(0, 3, 4, 5, 1, 2)", "transpose(0, 3, 5, 4, 1, 2)"),
    ("util", "pad:W + pad]", "0:W]"),
    ("util", "transpose(0, 2, 3, 1, 4, 5)", "transpose(0, 3, 2, 1, 4, 5)"),
    ("sliced", "reversed(others):\n            dout", "others:\n            dout"),
    ("sliced", "reversed(others):\n                    d ", "others:\n                    d "),
    ("sliced", "first_example + part.start", "first_example"),
    ("sliced", "zip(self.layers, *self.copies)", "zip(self.layers, *self.copies[1:])"),
    ("optimizer", "return -self.lr * grad\n", "return self.lr * grad\n"),
    ("optimizer", "v -= self.lr", "v += self.lr"),
    ("optimizer", "super().delta(key, grad) - self.lr", "super().delta(key, grad) + self.lr"),
    ("optimizer", "h += grad * grad", "h += grad"),
    ("optimizer", "(np.sqrt(h) + 1e-7)\n\n\nclass RMS", "np.sqrt(h + 1e-7)\n\n\nclass RMS"),
    ("optimizer", "(np.sqrt(h) + 1e-7)\n\n\nclass Adam", "np.sqrt(h + 1e-7)\n\n\nclass Adam"),
    ("optimizer", "(1 - self.decay_rate)", "(1 + self.decay_rate)"),
    ("optimizer", "(1 - self.beta2 ** self.iter)", "(1 - self.beta1 ** self.iter)"),
    ("optimizer", "self.iter += 1", "self.iter += 2"),
    ("optimizer", "work *= 1 - self.beta2", "work *= 1 - self.beta1"),
    ("optimizer", "work += 1e-7", "work -= 1e-7"),
    ("optimizer", "np.sqrt(v_part, out=work)\n            work += 1e-7",
     "np.sqrt(v_part + 1e-7, out=work)"),
    ("optimizer", "work *= -lr_t", "work *= lr_t"),
    ("optimizer", "1 - self.lr * self.weight_decay", "1 - self.weight_decay"),
    ("optimizer", '"W":\n', '"b":\n'),
    ("network", "grads[key] + self", "grads[key] - self"),
    ("network", "0.5 * self", "1 * self"),
    ("training/averaging", "array - average[key]", "array + average[key]"),
    ("training/schedule", "current_iter + 0.5", "current_iter"),
    ("training/best_weights", "accuracy > self.state", "accuracy >= self.state"),
]


def outdated():
    """The mistakes that the project's code has no one place for, or that are no Python, as lines of text."""
    lines = []
    for module, old, new in MISTAKES:
        text = (ROOT / f"common/{module}.py").read_text(encoding="utf-8")
        if text.count(old) != 1:
            lines.append(f"common/{module}.py: expected {old!r} once, found it {text.count(old)} times")
        compile(text.replace(old, new), module, "exec")
    return lines


def run_tests(folder, names):
    """(the exit code of pytest, the first test that failed or what else happened)"""
    command = [sys.executable, "-m", "pytest", "-n", "0", "-x", "-q", "--tb=no", "-p", "no:cacheprovider",
               *(f"tests/test_{name}.py" for name in names)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1",
                   "PYTHONDONTWRITEBYTECODE": "1"}      # two mistakes of one length in one second: one .pyc for both
    try:
        result = subprocess.run(command, cwd=folder, env=environment, timeout=TIMEOUT, capture_output=True, text=True)
    except subprocess.TimeoutExpired:
        return 1, f"no end after {TIMEOUT} s"
    failed = re.search(r"^FAILED tests/(\S+)", result.stdout, re.MULTILINE)
    return result.returncode, failed[1] if failed else result.stdout.strip()[-300:]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=len(MISTAKES), metavar="N")
    mistakes = random.sample(MISTAKES, min(parser.parse_args().times, len(MISTAKES)))
    if outdated():
        sys.exit("\n".join(outdated()))
    caught = 0
    with tempfile.TemporaryDirectory() as folder:
        folder = copy_project(Path(folder), "tests")
        (folder / "pyproject.toml").write_bytes((ROOT / "pyproject.toml").read_bytes())
        code, said = run_tests(folder, dict.fromkeys(name for module, *_ in mistakes for name in TESTS[module]))
        if code:
            sys.exit(f"the tests fail without any mistake: {said}")
        for module, old, new in sorted(mistakes, key=MISTAKES.index):
            path = folder / f"common/{module}.py"
            right = path.read_text(encoding="utf-8")
            path.write_text(right.replace(old, new), encoding="utf-8")
            code, said = run_tests(folder, TESTS[module])
            path.write_text(right, encoding="utf-8")
            caught += code == 1
            print(f"{'caught' if code == 1 else 'MISSED'}  common/{module}.py  {old!r} -> {new!r}  {said}", flush=True)
    print(f"{caught} of {len(mistakes)} caught")
    return caught < len(mistakes)


if __name__ == "__main__":
    sys.exit(main())
