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
    "layers": ["layers", "number_kinds", "book_arguments"], "functions": ["functions", "evaluation"],
    "optimizer": ["optimizer"],
    "util": ["util", "layers"], "fast/batch": ["fast", "layers"], "fast/arrays": ["fast", "layers"],
    "fast/kernels": ["layers"], "fast/threads": ["fast"], "network": ["multi_layer_net", "network"],
    "params": ["network", "optimizer"], "checks": ["layers", "book_arguments"], "own_layer": ["network", "book_readers"],
    "gradient": ["gradient"], "initializer": ["initializer"], "training/averaging": ["averaging"],
    "trainer": ["trainer", "bad_numbers"], "guards": ["trainer", "bad_numbers"], "training/checkpoint": ["checkpoint"],
    "training/best_weights": ["averaging"], "training/schedule": ["schedule", "checkpoint"],
}
TIMEOUT = 120   # seconds; a mistake may hang

MISTAKES = [    # (module, the text, what it becomes)
    ("layers", "self.mask = x > 0 ", "self.mask = x >= 0 "),
    ("layers", "return np.clip(x, 0, np.inf)", "return np.clip(x, 1e-3, np.inf)"),
    ("layers", "(1.0 - self.out) *", "(1.0 + self.out) *"),
    ("layers", "dot(self.x, self.W) + self.b", "dot(self.x, self.W) - self.b"),
    ("layers", "dot(dout, self.W.T)", "dot(dout, self.W)"),
    ("layers", "return dx.reshape(self.x_shape)", "return dx"),
    ("layers", "dot(self.x.T, dout)", "dot(self.x, dout)"),
    ("layers", "self.db = dout.sum(axis=0)", "self.db = dout.mean(axis=0)"),
    ("layers", "self.t] -= 1", "self.t] += 1"),
    ("layers", "dx -= self.t", "dx += self.t"),
    ("layers", "(dout / N)", "(dout / self.y.size)"),
    ("layers", "self.label_smoothing / K", "self.label_smoothing"),
    ("layers", "(1 - self.label_smoothing) * one_hot", "one_hot"),
    ("layers", "x * (1.0 - self.dropout_ratio)", "x * (1.0 + self.dropout_ratio)"),
    ("layers", ">= self.dropout_ratio * 2 ** 16", "< self.dropout_ratio * 2 ** 16"),
    ("layers", "return x * self.mask", "return x * self.mask / (1.0 - self.dropout_ratio)"),
    ("layers", "self.spread(self.gamma, dout) / self.spread(self.std, dout) * dx",
     "self.spread(self.gamma, dout) * dx"),
    ("layers", "dx = dout - self.spread(mean_dout, dout) -", "dx = dout -"),
    ("layers", "- self.xn * self.spread(mean_dout_xn, dout)\n        return",
     "+ self.xn * self.spread(mean_dout_xn, dout)\n        return"),
    ("layers", "self.dbeta = m * mean_dout\n", "self.dbeta = mean_dout\n"),
    ("layers", "self.dgamma = m * mean_dout_xn", "self.dgamma = mean_dout_xn"),
    ("layers", "m = dout.size // self.std.size", "m = len(dout)"),
    ("layers", "running + (1 - self.momentum)", "running + (1 + self.momentum)"),
    ("layers", "self.std = np.sqrt(var + 1e-6)", "self.std = np.sqrt(var) + 1e-6"),
    ("layers", "np.sqrt(self.running_var + 1e-6)", "np.sqrt(self.running_var) + 1e-6"),
    ("layers", "x - self.spread(self.running_mean, x)", "x"),
    ("layers", "var = self.mean(xc ** 2)", "var = self.mean(x ** 2)"),
    ("layers", "x.mean(axis=2).mean(axis=0).mean(axis=1)", "x.mean(axis=2).mean(axis=0).sum(axis=1)"),
    ("layers", "reshape(H, W, C).transpose(2, 0, 1)", "reshape(C, H, W)"),
    ("layers", "np.result_type(self.gamma, np.float32)", "self.gamma.dtype"),
    ("layers", "out += np.tile", "out -= np.tile"),
    ("layers", "reshape(N, out_h, out_w, FN).transpose(0, 3, 1, 2)",
     "reshape(N, out_w, out_h, FN).transpose(0, 3, 2, 1)"),
    ("layers", "self.W.transpose(2, 3, 1, 0).reshape(-1, FN)", "self.W.transpose(3, 2, 1, 0).reshape(-1, FN)"),
    ("layers", "dx_windows[..., i, j] += dcol", "dx_windows[..., i, j] = dcol"),
    ("layers", "self.W[:, :, i, j]", "self.W[:, :, -1 - i, -1 - j]"),
    ("layers", "return crop_images(dx, self.pad)                            # (N, C, H, W)", "return dx"),
    ("layers", "reshape(FH, FW, C, FN).transpose(3, 2, 0, 1)", "reshape(FH, FW, C, FN).transpose(3, 2, 1, 0)"),
    ("layers", "self.db = dout.sum(axis=(0, 2)).sum(axis=1)", "self.db = dout.sum(axis=(0, 2)).mean(axis=1)"),
    ("layers", "pad_images(x, self.pad, -np.inf)", "pad_images(x, self.pad)"),
    ("layers", "out = places.max(axis=0)", "out = places.mean(axis=0)"),
    ("layers", "not_yet &= values != out", "not_yet = values != out"),
    ("layers", "for values in places[:-1]:", "for values in places[:0]:"),
    ("layers", "dx_windows[..., i, j] += dout * (", "dx_windows[..., i, j] = dout * ("),
    ("layers", "return crop_images(dx, self.pad)\n\n    def check(self, x):\n        return",
     "return dx\n\n    def check(self, x):\n        return"),
    ("layers", "x.mean(axis=(2, 3))", "x.sum(axis=(2, 3))"),
    ("layers", "dout / (H * W)", "dout / H"),
    ("layers", "if dout.shape not in (self.out_shape, ()):", "if False:"),
    ("layers", "dout if dout.shape == self.out_shape else np.full(self.out_shape, dout)", "dout"),
    ("layers", "dx * (dout / N)).reshape(self.x_shape)", "dx * (dout / N))"),
    ("layers", "* self.W[0].size", "* self.W.size * 10 ** 9"),
    ("functions", "return y * (1 - y)", "return y * (1 + y)"),
    ("functions", "(x > 0).astype", "(x >= 0).astype"),
    ("functions", "e / np.sum(e, axis=-1", "e / np.sum(e, axis=0"),
    ("functions", "x - np.max(x, axis=-1, keepdims=True)", "x"),
    ("functions", "np.exp(-np.abs(x))", "np.exp(-x)"),
    ("functions", "return -_pick(log_y, t) / len(y)", "return -_pick(log_y, t) / y.size"),
    ("functions", "return -_pick(log_y, t) / len(x)", "return -_pick(log_y, t)"),
    ("functions", "return 0.5 * np.sum", "return np.sum"),
    ("functions", "y + 1e-7", "y"),
    ("functions", "(t < 0) | (t >= y.shape[1])", "t < 0"),
    ("util", "img_windows[..., i, j] += col", "img_windows[..., i, j] = col"),
    ("util", "return crop_images(img, pad)", "return img"),
    ("util", "stride * row, stride * pixel, channel", "stride * row, pixel, channel"),
    ("util", "padded[...] = value", "pass"),
    ("util", "(input_size + 2 * pad - filter_size) // stride + 1", "(input_size + pad - filter_size) // stride + 1"),
    ("util", "transpose(0, 1, 2, 4, 5, 3)", "transpose(0, 1, 2, 5, 4, 3)"),
    ("util", "col.transpose(4, 5, 3, 0, 1, 2)", "col.transpose(5, 4, 3, 0, 1, 2)"),
    ("util", "col if col.dtype.kind == \"f\" else col.astype(np.float64)", "col"),
    ("fast/batch", "for layer in reversed(layers[1:])", "for layer in layers[1:]"),
    ("fast/batch", "sum(getattr(mine, f\"d{name}\") for mine in layer.copies)",
     "getattr(layer.copies[0], f\"d{name}\")"),
    ("fast/batch", "layer = self if train_flg else copy_of(self)", "layer = self"),
    ("fast/batch", "getattr(getattr(layer, name), \"__func__\", None) is method", "True"),
    ("fast/batch", "parts is None or any(layer.slices is not parts for layer in self.layers)", "parts is None"),
    ("fast/batch", "n * i // count for i in range(count + 1)", "n * i // count for i in range(count)"),
    ("fast/arrays", "A[:, part] @ B[part]", "A[:, part] @ B[part] * 2"),
    ("fast/arrays", "axis=1)", "axis=0)"),
    ("fast/arrays", "run(work, parts)", "pass"),
    ("fast/arrays", "function(*(array[part] for array in arrays))",
     "function(*(array[part].copy() for array in arrays))"),
    ("fast/kernels", "FH - 1 - whole", "FH - whole"),
    ("fast/kernels", "reshape(FH, FW, FN, C)[::-1, ::-1]", "reshape(FH, FW, FN, C)[::-1]"),
    ("fast/kernels", "layer.W[:, :, ::-1, ::-1]", "layer.W[:, :, ::-1, :]"),
    ("fast/kernels", "layer.stride != 1 or", ""),
    ("fast/kernels", "layer.db = dout.sum(axis=(0, 2)).sum(axis=1)", "layer.db = dout.sum(axis=(0, 2)).mean(axis=1)"),
    ("fast/threads", "waiting.clear()", "pass"),
    ("fast/threads", "library.set_num_threads(before)", "pass"),
    ("fast/threads", "except RuntimeError:", "except KeyError:"),
    ("optimizer", "p -= self.lr * g\n", "p += self.lr * g\n"),
    ("optimizer", "v *= self.momentum\n        v -= self.lr * g\n        p += v\n",
     "v *= self.momentum\n        v -= g\n        p += v\n"),
    ("optimizer", "p += self.momentum * v - self.lr * g", "p += self.momentum * v + self.lr * g"),
    ("optimizer", "h += g * g\n        p", "h += g\n        p"),
    ("optimizer", "(np.sqrt(h) + 1e-7)\n\n\nclass RMS", "np.sqrt(h + 1e-7)\n\n\nclass RMS"),
    ("optimizer", "(np.sqrt(h) + 1e-7)\n\n\nclass Adam", "np.sqrt(h + 1e-7)\n\n\nclass Adam"),
    ("optimizer", "(1 - self.decay_rate)", "(1 + self.decay_rate)"),
    ("optimizer", "(1 - self.beta2 ** self.iter)", "(1 - self.beta1 ** self.iter)"),
    ("optimizer", "self.iter += 1", "self.iter += 2"),
    ("optimizer", "m += (1 - self.beta1) * (g - m)", "m += (1 - self.beta1) * g"),
    ("optimizer", "(1 - self.beta2) * (g * g - v)", "(1 - self.beta1) * (g * g - v)"),
    ("optimizer", "p -= lr_t * m / (np.sqrt(v) + 1e-7)", "p -= lr_t * m / np.sqrt(v + 1e-7)"),
    ("optimizer", "1 - self.lr * self.weight_decay", "1 - self.weight_decay"),
    ("optimizer", 'key[0] == "W":\n', 'key[0] == "b":\n'),
    ("optimizer", "params[key] = p if p.ndim else p.item()", "pass"),
    ("params", "if np.squeeze(grads[key]).shape != np.squeeze(param).shape:",
     "if np.size(grads[key]) != np.size(param):"),
    ("network", "grads[key] + self", "grads[key] - self"),
    ("network", "0.5 * self", "1 * self"),
    ("network", "for layer in reversed(others):", "for layer in others:"),
    ("functions", "np.where(np.isnan(y).any(axis=1), -1, y.argmax(axis=1))", "y.argmax(axis=1)"),
    ("own_layer", "if len({id(layer) for layer in layers.values()}) < len(layers):", "if False:"),
    ("own_layer", "if key in found:", "if False:"),
    ("network", "is not me:", "is None:"),
    ("network", "if not train_flg:\n            self.last_layer.t = None", "if False:\n            pass"),
    ("network", "if train_flg:\n            self.last_layer.t = None", "if False:\n            pass"),
    ("params", 'np.copyto(mine, value, casting="same_kind")', 'np.copyto(mine, value, casting="unsafe")'),
    ("params", 'np.copyto(mine, arrays[key], casting="same_kind")', 'mine[...] = arrays[key]'),
    ("params", "if source:", "if False:"),
    ("checks", "channels not in (None, x.shape[1])", "False"),
    ("own_layer", "(hasattr(layer, \"d\" + name) or name in", "(name in"),
    ("initializer", "return (2 / fan_in) ** 0.5", "return (1 / fan_in) ** 0.5"),
    ("gradient", "_moved(f, x, index, -h)) / step", "_moved(f, x, index, -h)) / h"),
    ("training/averaging", "array - average[key]", "array + average[key]"),
    ("training/schedule", "current_iter + 0.5", "current_iter"),
    ("training/schedule", 'trainer.optimizer.lr = self.state["lr"]', "pass"),
    ("training/checkpoint", 'np.random.set_state(saved["random"])', "pass"),
    ("training/checkpoint", "callback.state = state", "pass"),
    ("trainer", "restore(self.network, arrays)", "pass"),
    ("trainer", 'at_the_end.callback(call, [callback], "on_train_end", self)', "pass"),
    ("trainer", "if n >= len(self.x_test) and self._tested:", "if self._tested:"),
    ("guards", "if received:\n            raise", "if False:\n            raise"),
    ("guards", "check_gradients_fit(params, grads or {})", "pass"),
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
        folder = copy_project(Path(folder), "tests", "ch03", "ch05")
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
