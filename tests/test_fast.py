"""common/fast: slices, blocks and threads, and that none of them shows in the results."""
import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from bounds import assert_rounded
from scripts import ROOT
from threadpoolctl import threadpool_info, threadpool_limits

from common import fast
from common.layers import (Affine, BatchNormalization, Convolution, Dropout, GlobalAveragePooling, Layer, Pooling, Relu,
                           Sigmoid)
from common.network import Network


@pytest.fixture(autouse=True)
def _engine_as_before():
    threads = fast.num_threads()
    yield
    fast.set_num_threads(threads)
    fast.on()


class Doubling(Layer):
    """A reader's own layer, derived from Layer."""
    seen = None

    def forward(self, x, train_flg=True):
        self.seen = len(x) if train_flg else self.seen
        return 2 * x

    def backward(self, dout):
        assert len(dout) == self.seen
        return 2 * dout


class Centring:
    """A reader's own class, derived from nothing: its out depends on the whole batch."""
    def forward(self, x, train_flg=True):
        return x - x.mean(axis=0)

    def backward(self, dout):
        return dout - dout.mean(axis=0)


class CentredForward(Relu):
    """Derived from a layer of ours, but no example stands by itself: what a slice gives is not what the batch gives."""
    def forward(self, x, train_flg=True):
        return super().forward(x - x.mean(axis=0), train_flg)


class CentredBackward(Sigmoid):
    def backward(self, dout):
        return super().backward(dout - dout.mean(axis=0))


def layers(*kinds):
    """Layers in a row, for images (N, 2, 6, 6): a number is a convolution of so many filters, a tuple an Affine."""
    rng, made, channels = np.random.default_rng(8), [], 2
    for kind in kinds:
        if isinstance(kind, (int, list)):
            FN, size, stride, pad = (kind, 3, 1, 1) if isinstance(kind, int) else kind
            W, b = 0.4 * rng.normal(size=(FN, channels, size, size)), rng.normal(size=FN)
            made.append(Convolution(W, b, stride, pad))
            channels = FN
        elif isinstance(kind, tuple):
            made.append(Affine(0.2 * rng.normal(size=kind), rng.normal(size=kind[1])))
        elif isinstance(kind, float):
            made.append(BatchNormalization(1 + rng.random(int(kind)), rng.normal(size=int(kind))))
        else:
            made.append(kind())
    return made


SMALL = {
    "plain": lambda: layers(4, Relu, lambda: Pooling(2, 2), (36, 3)),
    "deep": lambda: layers(4, Relu, [3, 3, 1, 2], Sigmoid, lambda: Pooling(2, 2), lambda: Dropout(0.25),
                           [4, 3, 2, 1], Relu, (16, 5), Relu, Dropout, (5, 3)),
    "batch norm": lambda: layers(4, 4.0, Relu, 4, 144.0, Relu, Dropout, lambda: Pooling(2, 2), (36, 5), 5.0, Relu,
                                 (5, 3)),
    "ends in an average": lambda: layers(4, Relu, lambda: Pooling(3, 3, 1, 1), 3, GlobalAveragePooling),
    "own layer in the middle": lambda: layers(4, Relu, Doubling, 4, Dropout, (144, 3)),
    "own class in the middle": lambda: layers(4, Relu, Centring, 4, lambda: Pooling(2, 2), (36, 3)),
    "own class first and last": lambda: layers(Centring, 4, (144, 3), Doubling),
    "forward overridden": lambda: layers(4, CentredForward, lambda: Pooling(2, 2), (36, 3)),
    "backward overridden": lambda: layers(4, CentredBackward, 3, (108, 3)),
    "dropout first": lambda: layers(lambda: Dropout(0.2), 4, Relu, (144, 3)),
    "pooling first": lambda: layers(lambda: Pooling(2, 2), 4, (36, 3)),
    "affine first": lambda: layers((72, 10), Relu, Dropout, (10, 3)),
}
CHAPTER_5 = {"TwoLayerNet": (784, 50, 10), "SimpleConvNet": (), "DeepConvNet": (), "KerasConvNet": (),
             "BatchNormConvNet": ()}
FILES = {"TwoLayerNet": "two_layer_net", "SimpleConvNet": "simple_convnet", "DeepConvNet": "deep_convnet",
         "KerasConvNet": "keras_convnet", "BatchNormConvNet": "batch_norm_convnet"}


def small_net(name):
    return Network({str(n): layer for n, layer in enumerate(SMALL[name]())})


def batch(n, seed=0, shape=(2, 6, 6), classes=3):
    rng = np.random.default_rng(seed + n)
    return rng.normal(size=(n, *shape)), rng.integers(classes, size=n)


def step(net, x, t, seed=3):
    """{name: array}: all that a training step gives, the running statistics after it, and the prediction."""
    np.random.seed(seed)
    loss, grads = net.value_and_gradient(x, t)
    return {"random": np.random.rand(), "loss": loss, **grads,
            **{key: array.copy() for key, array in net.state.items()}, "scores": net.predict(x)}


def walk_back(net):
    """As in the book: backward by hand."""
    dout = net.last_layer.backward()
    for layer in reversed(list(net.layers.values())):
        dout = layer.backward(dout)
    return {"dx": dout, **{f"{key} d{name}": getattr(layer, f"d{name}") for key, layer in net.layers.items()
                           for name in getattr(layer, "param_names", ())}}


def assert_same(mine, expected):
    """Up to rounding: 1e-16 in float64, times what a few layers make of it. A wrong cut shows at 1e-2."""
    assert mine.keys() == expected.keys()
    for key in mine:
        np.testing.assert_allclose(mine[key], expected[key], rtol=0, atol=1e-10 * (1 + np.abs(expected[key]).max()),
                                   err_msg=key)


def to_bytes(results):
    return {key: np.asarray(value).tobytes() for key, value in results.items()}


@pytest.fixture(params=SMALL)
def name(request):
    return request.param


# ---- on and off are equal ------------------------------------------------

def test_a_step_is_the_plain_one(name):
    net, plain = small_net(name), small_net(name)
    for n in (40, 100, 5, 25, 26, 51, 40):          # growing, shrinking, too few to slice
        fast.on()
        mine = step(net, *batch(n))
        fast.off()
        assert_same(mine, step(plain, *batch(n)))


@pytest.mark.parametrize("name", CHAPTER_5)
def test_a_step_of_a_net_of_chapter_5_is_the_plain_one(name):
    net = runpy.run_path(str(ROOT / f"ch05/{FILES[name]}.py"))[name](*CHAPTER_5[name]).astype(np.float64)
    plain, (x, t) = net.astype(np.float64), batch(30, shape=(1, 28, 28), classes=10)
    mine = step(net, x, t)
    fast.off()
    assert_same(mine, step(plain, x, t))


@pytest.mark.parametrize("n", [25, 60])
def test_backward_by_hand_after_loss(name, n):
    """Whatever came before, and with a look at other images in between."""
    net, plain, (x, t), results = small_net(name), small_net(name), batch(n), []
    for each in (net, plain):
        for earlier in (60, n):
            np.random.seed(0)
            each.value_and_gradient(*batch(earlier, seed=1))
        np.random.seed(1)
        loss = each.loss(x, t, train_flg=True)
        if each is net:
            for other in (n, 1, 40):
                each.predict(batch(other, seed=2)[0])
                each.accuracy(*batch(other, seed=2))
        results.append({"loss": loss, **walk_back(each)})
        fast.off()
    assert_same(*results)


# ---- who gets the whole batch ------------------------------------------------

def hooked(layer, seen):
    """What a reader writes in a notebook to look at a layer."""
    forward = layer.forward

    def look(x, train_flg=True):
        out = forward(x, train_flg)
        seen.append(len(x))
        return out

    layer.forward = look


@pytest.mark.parametrize("which, expected", [("hook", [60]), ("class patched", [60, 60])])
def test_it_gets_the_whole_batch(which, expected, monkeypatch):
    """Where a class is patched, the other Relu does, too. SMALL has layers of one's own, which need the whole batch."""
    seen, relu = [], Relu()
    if which == "hook":
        hooked(relu, seen)
    else:
        plain = Relu.forward
        monkeypatch.setattr(Relu, "forward", lambda self, x, flag=True: seen.append(len(x)) or plain(self, x, flag))
    net = Network(dict(zip("123456", [*layers(4)[:1], relu, *layers(4, 3, Relu, lambda: Pooling(2, 2), (27, 3))[1:]])))
    net.value_and_gradient(*batch(60))
    assert seen == expected


class Halving(Network):
    """A reader's net that prepares its data."""
    def predict(self, x, train_flg=False):
        return super().predict(x / 2, train_flg)


class Walking(Network):
    """A reader's net that goes through its layers by itself."""
    def predict(self, x, train_flg=False):
        x = x / 2
        for layer in self.layers.values():
            x = layer.forward(x, train_flg)
        return x


class Weighing(Halving):
    """A reader's net with a loss of its own."""
    def loss(self, x, t, train_flg=False):
        return super().loss(x, t, train_flg) + 1


@pytest.mark.parametrize("cls, more", [(Halving, 0), (Walking, 0), (Weighing, 1)])
@pytest.mark.parametrize("n", [5, 60])
def test_a_subclass_of_network_is_asked(cls, more, n):
    net, plain, (x, t) = cls(small_net("deep").layers), small_net("deep"), batch(n)
    for _ in range(2):
        mine, expected = step(net, x, t), step(plain, x / 2, t)
        assert_same(mine, {**expected, "loss": expected["loss"] + more})
    assert net.loss(x, t) == pytest.approx(plain.loss(x / 2, t) + more)


def test_layers_changed_between_steps():
    net, plain = small_net("deep"), small_net("deep")

    def double(net):
        net.layers["0"].W = np.full((4, 2, 3, 3), 0.1)      # rebound
        net.layers["2"].W *= 2                              # in place

    def exchange(net):
        net.layers["1"] = Sigmoid()
        net.layers["5"].dropout_ratio = 0.5

    for change in (lambda net: None, double, exchange, lambda net: net.layers.pop("3")):
        change(net), change(plain)
        mine = step(net, *batch(40))
        fast.off()
        assert_same(mine, step(plain, *batch(40)))
        fast.on()


def test_the_same_layer_in_two_places_is_an_error_later_too():
    net = Network({"A1": layers((72, 5))[0], "R1": Relu(), "A2": layers((5, 3))[0], "R2": Relu()})
    net.layers["R2"] = net.layers["R1"]
    with pytest.raises(ValueError, match="the same layer stands in two places.*A1, R1, A2, R2"):
        net.gradient(*batch(40))


# ---- threads ------------------------------------------------

@pytest.mark.parametrize("n", [1, 26, 100])
@pytest.mark.parametrize("name", ["deep", "batch norm", "affine first"])
def test_the_number_of_threads_does_not_show(name, n):
    several = []
    for threads in (1, 2, 3):
        fast.set_num_threads(threads)
        net = small_net(name).astype(np.float32)
        several += [to_bytes(step(net, *batch(n))), to_bytes(step(net, *batch(n), seed=4))]
    assert several[::2] == several[:1] * 3 and several[1::2] == several[1:2] * 3


@pytest.mark.parametrize("shape", [(50, 3000, 30), (3000, 50, 30), (30, 50, 3000)])
def test_nor_in_large_products_and_updates(shape, rng):
    rows, inner, columns = shape
    A, B = rng.normal(size=(rows, inner)).astype(np.float32), rng.normal(size=(inner, columns)).astype(np.float32)
    several = []
    for threads in (1, 2, 3):
        fast.set_num_threads(threads)
        several.append(fast.dot(A, np.asfortranarray(B)).tobytes())
    assert len(set(several)) == 1


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
def test_run_keeps_the_order_and_does_everything_once(threads):
    fast.set_num_threads(threads)
    done = []
    assert fast.run(lambda i: done.append(i) or i * i, range(50)) == [i * i for i in range(50)]
    assert sorted(done) == list(range(50)) and fast.run(str, []) == []
    with pytest.raises(ValueError, match="at least 1, got 0"):
        fast.set_num_threads(0)


def test_run_really_uses_several_threads_and_a_piece_stays_in_its_own():
    fast.set_num_threads(3)
    together = threading.Barrier(3, timeout=20)         # breaks unless three threads come

    def piece(i):
        together.wait()
        return threading.get_ident(), set(fast.run(lambda _: threading.get_ident(), range(4)))

    results = fast.run(piece, range(3))
    assert len({own for own, _ in results}) == 3 and all(of_inner == {own} for own, of_inner in results)


@pytest.mark.parametrize("threads", [1, 2, 8])
@pytest.mark.parametrize("where", ["main", "worker"])
def test_an_error_in_a_slice_reaches_the_caller(threads, where):
    fast.set_num_threads(threads)
    caller, raised = threading.get_ident(), threading.Event()

    def work(i):
        if threads == 1 or (threading.get_ident() == caller) == (where == "main"):
            raised.set()
            raise ValueError(f"slice {i} is bad")
        raised.wait(10)         # else the others might do all the work before that thread gets any

    with pytest.raises(ValueError, match="slice [0-9]+ is bad"):
        fast.run(work, range(30))
    assert fast.run(str, range(3)) == ["0", "1", "2"]       # and the next call is as good as ever


def test_after_an_error_no_slice_runs_on_and_none_begins():
    """Of two helpers one fails at once while the other is in the middle of a piece: run waits for that one, too."""
    fast.set_num_threads(3)
    caller, together, first = threading.get_ident(), threading.Barrier(3, timeout=20), threading.Lock()
    begun, ended = [], []

    def work(i):
        begun.append(i)
        if i < 3:
            together.wait()
            if threading.get_ident() != caller:
                if first.acquire(blocking=False):
                    raise ValueError
                time.sleep(0.2)
        time.sleep(0.001)
        ended.append(i)

    with pytest.raises(ValueError):
        fast.run(work, range(5000))
    number = len(begun)
    assert len(ended) == number - 1 < 4999
    time.sleep(0.01)
    assert len(begun) == number


def test_an_error_of_a_layer_keeps_its_message_and_leaves_the_net_as_good_as_before():
    net, plain, (x, t) = small_net("deep"), small_net("deep"), batch(60)
    for wrong_x, wrong_t, words in ((x[:, :1], t, r"Convolution: expected images of shape \(N, 2, H, W\)"),
                                    (x, t + 5, "0 to 2"), (x[:0], t[:0], "Convolution.*0, 2, 6, 6")):
        with pytest.raises(ValueError, match=words):
            net.value_and_gradient(wrong_x, wrong_t)
        assert_same(step(net, x, t), step(plain, x, t))


def in_threads(*functions):
    """Runs them at the same time; what each returned."""
    returned = [None] * len(functions)

    def work(i):
        returned[i] = functions[i]()

    threads = [threading.Thread(target=work, args=[i]) for i in range(len(functions))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return returned


def test_two_nets_learn_in_two_threads():
    fast.set_num_threads(2)
    nets = [small_net("plain"), small_net("plain")]     # without dropout: random numbers go to whoever comes first
    expected = to_bytes({**step(nets[0], *batch(60)), "random": 0})

    def steps(net):
        return [to_bytes({**step(net, *batch(60)), "random": 0}) for _ in range(8)]

    assert in_threads(*(lambda net=net: steps(net) for net in nets)) == [[expected] * 8] * 2


def test_one_net_predicts_in_several_threads():
    fast.set_num_threads(2)
    net, batches = small_net("deep"), [batch(n)[0] for n in (5, 40, 60, 100)]
    expected = [net.predict(x).tobytes() for x in batches]
    got = in_threads(*(lambda x=x: [net.predict(x).tobytes() for _ in range(10)] for x in batches))
    assert got == [[scores] * 10 for scores in expected]


# ---- processes ------------------------------------------------

def run_code(code, **environment):
    """What a program prints that has these helpers; environment variables as given."""
    start = (f"import sys; sys.path[:0] = [{str(ROOT)!r}, {str(ROOT / 'tests')!r}]\n"
             "import os, threading, time, hashlib\nimport numpy as np\n")
    variables = {key: value for key, value in os.environ.items()
                 if not key.endswith("_NUM_THREADS") and key != "COMMON_FAST"}
    result = subprocess.run([sys.executable, "-c", start + code], env={**variables, **environment}, text=True,
                            capture_output=True, timeout=100)
    assert result.returncode == 0 and "Traceback" not in result.stderr, result.stderr
    return result.stdout.split()


DIGEST = """from test_fast import *
def digest():
    return hashlib.sha256(repr(sorted(to_bytes(step(small_net('deep'), *batch(60))).items())).encode()).hexdigest()
"""


def test_nothing_happens_at_import_nor_stays_after_a_step():
    """BLAS keeps its threads, standard output its object, and no thread is started before there is work for it."""
    code = """
from threadpoolctl import threadpool_info
def look():
    return [library["num_threads"] for library in threadpool_info()], sys.stdout, threading.active_count()
before = look()
import common.network, common.trainer, common.multi_layer_net_extend, dataset.mnist
print(look() == before)
from test_fast import batch, fast, small_net
net, (x, t) = small_net("deep"), batch(60)
net.gradient(x, t)
try: net.gradient(x, t + 5)
except ValueError: print(look()[:2] == before[:2])
"""
    out = run_code(code, OPENBLAS_NUM_THREADS="2")
    assert out == ["True", "True"]


@threadpool_limits.wrap(limits=2, user_api="blas")
def test_blas_has_one_thread_while_pieces_are_computed():
    """Two kinds of threads would fight for the cores."""
    fast.set_num_threads(2)

    def numbers(_=None):
        return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]

    before = numbers()
    assert fast.run(numbers, range(4)) == [[1] * len(before)] * 4
    with pytest.raises(ZeroDivisionError):
        fast.run(lambda i: 1 / 0, range(4))
    assert numbers() == before


@pytest.mark.parametrize("variables, threads, on", [
    ({}, 3, True), ({"OPENBLAS_NUM_THREADS": "1"}, 1, True), ({"MKL_NUM_THREADS": "2,4"}, 2, True),
    ({"OMP_NUM_THREADS": "nonsense"}, 3, True), ({"COMMON_FAST": "OFF"}, 3, False), ({"COMMON_FAST": "0"}, 3, False)])
def test_the_environment_sets_the_threads_and_switches_the_engine_off(variables, threads, on, monkeypatch):
    """On three cores that this process may use."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 2, 5}, raising=False)
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "COMMON_FAST"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    module = runpy.run_path(str(ROOT / "common/fast/threads.py"))
    assert (module["num_threads"](), module["enabled"]()) == (threads, on)


def test_switched_off_nothing_is_cut_and_no_thread_is_started():
    fast.set_num_threads(3)
    fast.off()
    sizes = []
    fast.in_blocks(lambda part: sizes.append(part.size), np.ones((999, 999)))
    assert sizes == [999 * 999]
    assert set(fast.run(lambda _: threading.get_ident(), range(9))) == {threading.get_ident()}


def test_a_training_that_outlives_the_main_program_goes_on_alone():
    code = DIGEST + ("fast.set_num_threads(2)\nprint(digest())\n"
                     "def late():\n    threading.main_thread().join()\n    for _ in range(3): print(digest())\n"
                     "threading.Thread(target=late).start()\n")
    digests = run_code(code)
    assert len(digests) == 4 and len(set(digests)) == 1


def _send_results(connection):
    together = threading.Barrier(2, timeout=20)
    if fast.num_threads() != 2:             # a forked child has the parent's setting
        fast.set_num_threads(2)
    fast.run(lambda i: together.wait(), range(2))           # breaks unless the child has threads of its own
    connection.send(to_bytes(step(small_net("deep"), *batch(60))))


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("method", [m for m in ("fork", "spawn") if m in multiprocessing.get_all_start_methods()])
def test_a_child_process_computes_the_same(method):
    fast.set_num_threads(2)
    expected = to_bytes(step(small_net("deep"), *batch(60)))            # the parent has used its threads
    context = multiprocessing.get_context(method)
    mine, its = context.Pipe()
    child = context.Process(target=_send_results, args=[its])
    child.start()
    try:
        assert mine.poll(60), "the child hangs"
        assert mine.recv() == expected
    finally:
        child.terminate()
        child.join()


@pytest.mark.skipif(sys.platform == "win32", reason="signals to processes")
def test_ctrl_c_stops_a_process_that_computes_in_threads():
    code = f"""import sys; sys.path[:0] = [{str(ROOT)!r}, {str(ROOT / 'tests')!r}]
from test_fast import batch, fast, small_net
fast.set_num_threads(2)
net, (x, t) = small_net('deep'), batch(100)
expected = net.predict(x).tobytes()
try:
    print('ready', flush=True)
    while True: net.value_and_gradient(x, t)
except KeyboardInterrupt: print('interrupted', net.predict(x).tobytes() == expected)
"""
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=30)[0] == "interrupted True\n" and process.returncode == 0
    finally:
        process.kill()


def test_joined_layers_that_somebody_has_called_one_by_one():
    rng = np.random.default_rng(0)
    x, W = rng.normal(size=(30, 8, 40, 40)), rng.normal(size=(3, 8, 5, 5))
    layers = [Convolution(W, np.zeros(3)), Relu()]
    (joined,) = fast.join(layers)
    out = layers[1].forward(layers[0].forward(x))       # the convolution has smaller slices than relu
    dout = rng.normal(size=out.shape)
    expected = layers[0].backward(layers[1].backward(dout))
    np.testing.assert_array_equal(joined.backward(dout), expected)


# ---- slices, products and blocks ------------------------------------------------

@pytest.mark.parametrize("n, largest, sizes", [
    (100, 13, [12, 13, 12, 13, 12, 13, 12, 13]), (13, 13, [13]), (14, 13, [7, 7]), (1, 13, [1]), (0, 13, [0]),
    (5, 1, [1, 1, 1, 1, 1])])
def test_slices_cover_everything_once(n, largest, sizes):
    parts = fast.slices(n, largest)
    assert [part.stop - part.start for part in parts] == sizes
    assert [i for part in parts for i in range(n)[part]] == list(range(n))


@pytest.mark.parametrize("shape", [(3, 4, 5), (50, 3000, 30), (3000, 50, 30), (30, 50, 3000), (1, 2100, 2000)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dot_is_the_matrix_product(shape, dtype, rng):
    """Small, and in blocks along each side; numpy's own product in float64 has rounding errors, too."""
    rows, inner, columns = shape
    A, B = rng.integers(-9, 10, (rows, inner)).astype(dtype), rng.normal(size=(inner, columns)).astype(dtype)
    exact, sizes = (f(A.astype(np.float64)) @ f(B.astype(np.float64)) for f in (np.asarray, np.abs))
    for a, b in ((A, B), (np.asfortranarray(A), B), (A, np.asfortranarray(B))):
        assert_rounded(fast.dot(a, b), exact, 2 * sizes, inner)
    with pytest.raises(ValueError, match="mismatch"):
        fast.dot(A, np.vstack([B, B]))


@pytest.mark.parametrize("shape", [(3,), (300, 400), (999, 999), (1, 100000), (70001,), (2, 3, 200, 100)])
def test_blocks_are_views_that_cover_everything_once(shape):
    def add(first, second):
        first += 1
        second += 2

    arrays = np.zeros(shape), np.zeros(shape)
    fast.in_blocks(add, *arrays)
    assert (arrays[0] == 1).all() and (arrays[1] == 2).all()
