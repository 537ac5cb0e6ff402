"""Where does a step's time go? Layer by layer, forward and backward.

Usage: python tests/benchmarks/layers_time.py [two simple deep keras] [--steps 30]

The times of all slices on all threads are added up and divided by the number of threads, so that the columns add up to
the step's time; what is left over is the optimizer, putting slices together, and threads that wait for each other.
"""
import argparse
import statistics
import time
from collections import defaultdict

import nets


def timed(cls, name, spent):
    """cls.name from now on adds its time to spent, under the layer's label; once only, where one calls another."""
    original = getattr(cls, name)

    def method(self, *args, **kwargs):
        if self.__dict__.get("inside"):
            return original(self, *args, **kwargs)
        started = time.perf_counter()
        self.inside = True
        try:
            return original(self, *args, **kwargs)
        finally:
            self.inside = False
            spent[getattr(self, "label", type(self).__name__), name != "forward"].append(time.perf_counter() - started)
    setattr(cls, name, method)


def measure(net, steps):
    from common import fast, layers
    ours = nets.Ours(net)
    for name, layer in ours.network.layers.items():
        layer.label = name
    step = ours.step(100)
    for _ in range(3):
        step()
    plain = []
    for _ in range(steps):
        started = time.perf_counter()
        step()
        plain.append(time.perf_counter() - started)

    spent, originals = defaultdict(list), []
    for cls in (layers.Convolution, layers.Relu, layers.Pooling, layers.Dropout, layers.Affine, layers.SoftmaxWithLoss):
        for name in {"forward", "backward", "parameter_gradients"} & vars(cls).keys():
            originals.append((cls, name, vars(cls)[name]))
            timed(cls, name, spent)
    step()
    each = []
    for _ in range(steps):
        spent.clear()
        started = time.perf_counter()
        step()
        whole = time.perf_counter() - started
        one = {key: sum(values) / (fast.num_threads() if len(values) > 1 else 1) for key, values in spent.items()}
        each.append((whole, one))

    for original in originals:
        setattr(*original)

    print(f"\n{net}: a step of {statistics.median(plain) * 1e3:.2f} ms, batch 100, {fast.num_threads()} threads")
    print(f"{'':16}{'forward':>10}{'backward':>10} ms")
    total = 0
    for label in [*ours.network.layers, "SoftmaxWithLoss"]:
        ms = [statistics.median(one.get((label, backward), 0) for _, one in each) * 1e3 for backward in (False, True)]
        total += sum(ms)
        print(f"{label:16}{ms[0]:10.3f}{ms[1]:10.3f}")
    print(f"{'everything else':16}{statistics.median(whole for whole, _ in each) * 1e3 - total:20.3f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("nets", nargs="*", default=["two", "simple", "deep", "keras"])
    parser.add_argument("--steps", type=int, default=30)
    args = parser.parse_args()
    for net in args.nets:
        measure(net, args.steps)
