"""How fast is it? Prints tables of our times, PyTorch's where it is installed, and those of the book's layers.

    python tests/benchmarks/speed.py [--rounds 10] [--nets two simple deep keras batchnorm] [--epoch]

Each of them has a process of its own, so that no threads disturb those of another, and they take turns: five steps of
ours, five of PyTorch's, five of ours, ..., each time after 0.2 s of steps that do not count. Times are medians, in
milliseconds, for float32 (the book's layers: float64) and batches of 100. A step is forward, backward and Adam's
update. "gemm" is the time of the matrix products alone: nothing can be faster. Measure while no other program is at
work.
"""
import argparse
import importlib.util
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
WARM_UP = 0.2       # seconds; for 0.1 s and more the threads of PyTorch or BLAS that came before keep a core busy


class Worker:
    """A process that measures what it is told to."""

    def __init__(self, contender, net):
        self.process = subprocess.Popen([sys.executable, __file__, "--worker", contender, net], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, what, n=100, times=5):
        """Seconds of each time that it does `what` for n images; for "peak", its peak memory in MB so far."""
        self.process.stdin.write(json.dumps([what, n, times]) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError("a measuring process has died; see its message above")
        return json.loads(answer)

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def worker(contender, net):
    import nets
    subject, tasks = getattr(nets, contender)(net), {}
    for line in sys.stdin:
        what, n, times = json.loads(line)
        if what == "peak":
            answer = peak_memory()
        else:
            if (what, n) not in tasks:
                tasks.clear()
                tasks[what, n] = getattr(subject, what)(n)
            task, answer = tasks[what, n], []
            warm = time.perf_counter() + WARM_UP
            while time.perf_counter() < warm:
                task()
            for _ in range(times):
                started = time.perf_counter()
                task()
                answer.append(time.perf_counter() - started)
        print(json.dumps(answer), flush=True)


def peak_memory():
    """This process's, in MB."""
    import resource
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2 ** 20 if sys.platform == "darwin" else 2 ** 10)


def in_turns(workers, what, rounds, n=100, times=5):
    """{name: median milliseconds}, everyone in turn in every round. Slow ones are asked for one at a time."""
    seconds = {name: [] for name in workers}
    for _ in range(rounds):
        for name, other in workers.items():
            slow = name == "book"
            if not slow or len(seconds[name]) < 30:
                seconds[name] += other.ask(what, n, 1 if slow else times)
    return {name: statistics.median(values) * 1000 for name, values in seconds.items()}


def compare_nets(nets, rounds, with_torch):
    contenders = {"ours": "Ours", **({"torch": "Torch"} if with_torch else {}), "book": "Book", "gemm": "Gemm"}
    print(f"| net | what | {' | '.join(contenders)} | ours / torch | book / ours | ours / gemm |")
    print("|---" * (len(contenders) + 5) + "|")
    peaks = {}
    for net in nets:
        workers = {name: Worker(kind, net) for name, kind in contenders.items()}
        for what in ("step", "predict"):
            ms = in_turns(workers, what, rounds)
            if what == "step":
                peaks[net] = {name: other.ask("peak") for name, other in workers.items() if name != "gemm"}
            ratio = [ms["ours"] / ms["torch"] if with_torch else None, ms["book"] / ms["ours"], ms["ours"] / ms["gemm"]]
            cells = [f"{value:.3g}" for value in ms.values()] + [f"{r:.2f}" if r else "-" for r in ratio]
            print(f"| {net} | {what} | {' | '.join(cells)} |", flush=True)
        for other in workers.values():
            other.close()
    print("\n| peak memory of the process after the steps, MB |", " | ".join(peaks[nets[0]]), "|")
    print("|---" * (1 + len(peaks[nets[0]])) + "|")
    for net, of_net in peaks.items():
        print(f"| {net} |", " | ".join(f"{value:.0f}" for value in of_net.values()), "|")


def readers_code(rounds):
    """A reader's own class with float64 weights: our layers against the book's."""
    for net in ("simple", "deep"):
        workers = {"ours": Worker("Readers", net), "book": Worker("Book", net)}
        ms = in_turns(workers, "step", rounds)
        print(f"a reader's own class, float64, {net}: a step takes {ms['ours']:.1f} ms with our layers, "
              f"{ms['book']:.0f} ms with the book's: {ms['book'] / ms['ours']:.1f} times as fast")
        for other in workers.values():
            other.close()


def batch_sizes(rounds):
    for net in ("simple", "deep", "keras"):
        ours = Worker("Ours", net)
        for what in ("step", "predict"):
            per_image = {100: [], 1000: []}
            for _ in range(rounds):
                for n in per_image:
                    per_image[n] += [s / n for s in ours.ask(what, n, times=3000 // n // 3)]
            few, many = (statistics.median(per_image[n]) * 1e6 for n in (100, 1000))
            print(f"{net}, {what}: {few:.0f} us per image in a batch of 100, {many:.0f} in one of 1000: "
                  f"ratio {many / few:.2f}")
        if net == "simple":
            one = in_turns({"ours": ours}, "predict", rounds, n=1, times=50)["ours"]
            print(f"simple, predict for one image: {one:.3f} ms")
        ours.close()


def in_a_process(code):
    """The last words that a fresh process prints for this code, which finds the project, now() and peak_memory()."""
    start = f"import sys, time; sys.path[:0] = [{str(HERE.parents[1])!r}, {str(HERE)!r}]\n"
    start += "from speed import peak_memory\nnow = time.perf_counter\n"
    done = subprocess.run([sys.executable, "-c", start + code], text=True, stdout=subprocess.PIPE, check=True)
    return done.stdout.splitlines()[-1].split()     # before that, load_mnist may have said what it reads


def imports():
    code = "import numpy; t = now(); import common.layers; print(now() - t)"
    times = [float(in_a_process(code)[0]) for _ in range(5)]
    loaded = in_a_process("import common.network, common.trainer; print('matplotlib' in sys.modules)")[0]
    print(f"import common.layers: {statistics.median(times):.3f} s beyond NumPy; matplotlib loaded by common: {loaded}")


def loading():
    code = ("from dataset.mnist import load_mnist; t = now(); (x, _), _ = load_mnist()\n"
            "print(now() - t, peak_memory(), len(x))")
    in_a_process(code)                  # downloads, where that is still to do
    seconds, peak, n = in_a_process(code)
    print(f"load_mnist(): {float(seconds):.2f} s, peak {float(peak):.0f} MB, {n} training images")


def accuracy_memory():
    code = ("import numpy as np, nets; ours = nets.Ours({net!r}).network\n"
            "x, t = np.full((60000, 1, 28, 28), 0.5, np.float32), np.zeros(60000, int)\n"
            "before = peak_memory(); s = now(); ours.accuracy(x, t); print(peak_memory() - before, now() - s)")
    for net in ("simple", "deep"):
        grown, seconds = in_a_process(code.format(net=net))
        print(f"accuracy over 60,000 images, {net}: the process grows by {float(grown):.0f} MB, {float(seconds):.1f} s")


OUR_EPOCH = """
from ch05.simple_convnet import SimpleConvNet
from common.trainer import Trainer
from dataset.mnist import load_mnist
(x_train, t_train), (x_test, t_test) = load_mnist(flatten=False)
trainer = Trainer(SimpleConvNet(), x_train, t_train, x_test, t_test, epochs=1, mini_batch_size=100, optimizer="Adam",
                  optimizer_param={"lr": 0.001}, evaluate_sample_num_per_epoch=10_000)
t = now(); trainer.train(); print(now() - t, trainer.test_acc_list[-1])
"""
TORCH_EPOCH = """
import torch
from tqdm import tqdm
import nets
from dataset.mnist import load_mnist
(x_train, t_train), (x_test, t_test) = [[torch.from_numpy(array) for array in (x, t.astype("int64"))]
                                        for x, t in load_mnist(flatten=False)]
net = nets.Torch("simple")
model, optimizer, loss_of = net.model, net.optimizer, torch.nn.CrossEntropyLoss()

def accuracy(x, t):
    model.eval()
    with torch.no_grad():
        return sum(int((model(xb).argmax(1) == tb).sum()) for xb, tb in zip(x.split(100), t.split(100))) / len(x)

t = now()
model.train()
for batch in tqdm(torch.randperm(len(x_train)).split(100)):
    optimizer.zero_grad()
    loss = loss_of(model(x_train[batch]), t_train[batch])
    loss.backward()
    optimizer.step()
    loss.item()
accuracy(x_train[:10_000], t_train[:10_000])
right = accuracy(x_test, t_test)
print(now() - t, right)
"""


def epoch(with_torch):
    """An epoch of ch05/train_convnet.py, with evaluation and progress, and the same in plain PyTorch; twice each."""
    seconds = {"ours": [], "torch": []}
    for _ in range(2):
        for name, code in (("ours", OUR_EPOCH), ("torch", TORCH_EPOCH)):
            if name == "ours" or with_torch:
                *_, taken, right = in_a_process(code)
                seconds[name].append(float(taken))
                print(f"epoch of train_convnet, {name}: {float(taken):.1f} s, test accuracy {float(right):.4f}",
                      flush=True)
    if with_torch:
        print(f"ratio {min(seconds['ours']) / min(seconds['torch']):.2f}")


def machine():
    from numpy._core._multiarray_umath import __cpu_features__ as features
    best = next((name for name in ("AVX512_SKX", "AVX512F", "AVX2", "NEON") if features.get(name)), "no SIMD known")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    print(f"{platform.machine()}, {cores} cores, {best}, Python {platform.python_version()}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        worker(*sys.argv[2:])
        sys.exit()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10, help="of five steps each")
    parser.add_argument("--nets", nargs="+", default=["two", "simple", "deep", "keras", "batchnorm"])
    parser.add_argument("--epoch", action="store_true", help="also a whole epoch of train_convnet (minutes)")
    parser.add_argument("--only-nets", action="store_true", help="only the first two tables")
    args = parser.parse_args()
    torch_there = importlib.util.find_spec("torch") is not None
    machine()
    compare_nets(args.nets, args.rounds, torch_there)
    if not args.only_nets:
        print()
        readers_code(args.rounds)
        batch_sizes(args.rounds)
        imports()
        loading()
        accuracy_memory()
    if args.epoch:
        epoch(torch_there)
