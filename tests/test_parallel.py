"""common/parallel.py: slices, threads, and that neither shows in the results."""
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from common import parallel
from common.layers import Affine, BatchNormalization, Convolution, Dropout, Pooling, Relu
from common.network import Network

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(autouse=True)
def _threads_as_before():
    before = parallel.num_threads()
    yield
    parallel.set_num_threads(before)


def convnet(dtype=np.float32, size=12):
    rng = np.random.default_rng(4)

    def weights(*shape):
        return (0.3 * rng.normal(size=shape)).astype(dtype)

    return Network({
        "Conv1": Convolution(weights(4, 1, 3, 3), weights(4), pad=1), "Relu1": Relu(),
        "Conv2": Convolution(weights(5, 4, 3, 3), weights(5), pad=2), "Relu2": Relu(), "Pool1": Pooling(2, 2),
        "Dropout1": Dropout(0.25), "Affine1": Affine(weights(5 * (size // 2 + 1) ** 2, 7), weights(7)), "Relu3": Relu(),
        "Dropout2": Dropout(0.5), "Affine2": Affine(weights(7, 3), weights(3))})


def batch(n, dtype=np.float32, size=12):
    rng = np.random.default_rng(n)
    return rng.normal(size=(n, 1, size, size)).astype(dtype), rng.integers(3, size=n)


def results(net, n=60):
    """Scores, loss and gradients as bytes: equal only if they are so to the last bit."""
    x, t = batch(n)
    np.random.seed(3)
    scores = net.predict(x)
    loss, grads = net.value_and_gradient(x, t)
    return [scores.tobytes(), float(loss), *(grads[key].tobytes() for key in sorted(grads))]


@pytest.mark.parametrize("n, largest, sizes", [
    (100, 13, [12, 13, 12, 13, 12, 13, 12, 13]), (13, 13, [13]), (14, 13, [7, 7]), (1, 13, [1]), (0, 13, [0]),
    (5, 1, [1, 1, 1, 1, 1])])
def test_slices_cover_everything_once(n, largest, sizes):
    parts = parallel.slices(n, largest)
    assert [part.stop - part.start for part in parts] == sizes
    assert [i for part in parts for i in range(n)[part]] == list(range(n))


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
def test_run_keeps_the_order_and_does_everything_once(threads):
    parallel.set_num_threads(threads)
    done = []
    assert parallel.run(lambda i: done.append(i) or i * i, range(50)) == [i * i for i in range(50)]
    assert sorted(done) == list(range(50))
    assert parallel.run(str, []) == []


def test_run_really_uses_several_threads():
    parallel.set_num_threads(3)
    together = threading.Barrier(3, timeout=20)         # breaks unless three threads come
    parallel.run(lambda i: together.wait(), range(3))


def test_run_in_a_slice_stays_in_its_thread():
    parallel.set_num_threads(2)

    def inner(_):
        return threading.get_ident()

    together = threading.Barrier(2, timeout=20)
    def outer(_):
        together.wait()
        return inner(0), parallel.run(inner, range(4))

    for own, of_inner in parallel.run(outer, range(2)):
        assert set(of_inner) == {own}


@pytest.mark.parametrize("threads", [1, 2, 8])
@pytest.mark.parametrize("where", ["main", "worker"])
def test_an_error_in_a_slice_reaches_the_caller(threads, where):
    parallel.set_num_threads(threads)
    caller, raised = threading.get_ident(), threading.Event()

    def work(i):
        if threads == 1 or (threading.get_ident() == caller) == (where == "main"):
            raised.set()
            raise ValueError(f"slice {i} is bad")
        raised.wait(10)         # else the others might do all the work before that thread gets any

    with pytest.raises(ValueError, match="slice [0-9]+ is bad"):
        parallel.run(work, range(30))
    assert parallel.run(str, range(3)) == ["0", "1", "2"]       # and the next call is as good as ever


def test_after_an_error_no_slice_runs_on():
    parallel.set_num_threads(2)
    done = []

    def work(i):
        if i == 3:
            raise ValueError
        time.sleep(0.001)
        done.append(i)

    with pytest.raises(ValueError):
        parallel.run(work, range(1000))
    number = len(done)
    time.sleep(0.02)
    assert len(done) == number < 10


def test_an_error_of_a_layer_keeps_its_message():
    net = convnet()
    net.layers["Conv2"].W = np.ones((5, 6, 3, 3), np.float32)
    x, t = batch(60)
    for call in (lambda: net.predict(x), lambda: net.value_and_gradient(x, t)):
        with pytest.raises(ValueError, match=r"Convolution: expected images of shape \(N, 6, H, W\).*4, 12, 12"):
            call()


def test_blas_has_one_thread():
    """Two kinds of threads would fight for the cores."""
    blas = [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]
    assert all(number == 1 for number in blas)


@pytest.mark.parametrize("n", [0, -1])
def test_a_number_of_threads_below_one(n):
    with pytest.raises(ValueError, match=f"at least 1, got {n}"):
        parallel.set_num_threads(n)


@pytest.mark.parametrize("shape", [(3, 4, 5), (200, 300, 100), (100, 4000, 50), (37, 3000, 100), (1, 4000, 3000),
                                   (200, 200, 200)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_product_is_the_matrix_product(shape, dtype, rng):
    rows, inner, columns = shape
    A, B = rng.normal(size=(rows, inner)).astype(dtype), rng.normal(size=(inner, columns)).astype(dtype)
    expected = A.astype(np.float64) @ B.astype(np.float64)
    parallel.set_num_threads(2)
    for a, b in ((A, B), (np.asfortranarray(A), B), (A, np.asfortranarray(B))):
        out = parallel.product(a, b)
        assert out.dtype == dtype
        tolerance = 1e-6 if dtype == np.float32 else 1e-10
        np.testing.assert_allclose(out, expected, rtol=0, atol=tolerance * np.abs(expected).max())
    parallel.set_num_threads(1)
    np.testing.assert_array_equal(parallel.product(A, np.asfortranarray(B)), out)
    with pytest.raises(ValueError, match="mismatch"):
        parallel.product(A, np.vstack([B, B]))


@pytest.mark.parametrize("shape", [(5, 6), (300, 400), (2, 3, 200, 100), (100001, 1)])
def test_elementwise_is_the_ufunc(shape, rng):
    parallel.set_num_threads(2)
    a, b = rng.normal(size=shape), rng.normal(size=shape)
    out = np.empty(shape)
    assert parallel.elementwise(np.multiply, a, b, out=out) is out
    np.testing.assert_array_equal(out, a * b)
    np.testing.assert_array_equal(parallel.elementwise(np.multiply, a, b[:1], out=out), a * b[:1])
    with pytest.raises(ValueError):
        parallel.elementwise(np.multiply, np.ones((shape[0] + 1, *shape[1:])), b, out=out)


@pytest.mark.parametrize("shape", [(), (3,), (300, 400), (1, 100000), (70001,)])
def test_blocks_cover_everything_once(shape):
    counted = np.zeros(shape)
    for part in parallel.blocks(counted):
        counted[part] += 1
    assert (counted == 1).all()


def test_the_number_of_threads_does_not_show():
    expected = None
    for threads in (1, 2, 3, 8):
        parallel.set_num_threads(threads)
        for _ in range(2):
            mine = results(convnet())
            expected = expected or mine
            assert mine == expected


SCRIPT = """
import hashlib, pickle, sys
sys.path[:0] = [{root!r}, {tests!r}]
from test_parallel import convnet, results
from common import parallel
print(parallel.num_threads(), hashlib.sha256(pickle.dumps(results(convnet()))).hexdigest())
"""


def test_environment_sets_the_threads_but_not_the_results():
    script = SCRIPT.format(root=str(ROOT), tests=str(ROOT / "tests"))
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    threads, digests = [], set()
    for variables in ({}, {"OMP_NUM_THREADS": "1"}, {"OPENBLAS_NUM_THREADS": "1"}, {"MKL_NUM_THREADS": "1,4"},
                      {"OMP_NUM_THREADS": "2"}, {"OMP_NUM_THREADS": "nonsense"}):
        environment = {key: value for key, value in os.environ.items() if not key.endswith("_NUM_THREADS")}
        out = subprocess.run([sys.executable, "-c", script], env={**environment, **variables}, text=True,
                             capture_output=True, check=True).stdout.split()
        threads.append(int(out[0]))
        digests.add(out[1])
    assert threads == [cores, 1, 1, 1, min(2, cores), cores]
    assert len(digests) == 1


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no processor affinity here")
def test_a_process_on_one_core_uses_one_thread():
    code = f"import os, sys; os.sched_setaffinity(0, [min(os.sched_getaffinity(0))]); sys.path.insert(0, {str(ROOT)!r})"
    out = subprocess.run([sys.executable, "-c", code + "; from common import parallel; print(parallel.num_threads())"],
                         text=True, capture_output=True, check=True).stdout
    assert out.split() == ["1"]


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


def test_two_nets_in_two_threads():
    parallel.set_num_threads(2)
    nets = [convnet(), convnet()]
    for net in nets:
        del net.layers["Dropout1"], net.layers["Dropout2"]      # np.random's numbers go to whoever comes first
    expected = results(nets[0])
    for several in in_threads(*(lambda net=net: [results(net) for _ in range(8)] for net in nets)):
        assert several == [expected] * 8


def test_one_net_predicts_in_several_threads():
    parallel.set_num_threads(2)
    net, batches = convnet(), [batch(n)[0] for n in (5, 40, 60, 100)]
    expected = [net.predict(x) for x in batches]

    def predictions(i):
        return [net.predict(batches[i]) for _ in range(10)]

    for i, several in enumerate(in_threads(*(lambda i=i: predictions(i) for i in range(4)))):
        for scores in several:
            np.testing.assert_array_equal(scores, expected[i])


def _send_results(connection):
    together = threading.Barrier(2, timeout=20)
    if parallel.num_threads() != 2:         # a forked child has the parent's setting
        parallel.set_num_threads(2)
    parallel.run(lambda i: together.wait(), range(2))       # breaks unless the child has threads of its own
    connection.send(results(convnet()))


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("method", [m for m in ("fork", "spawn") if m in multiprocessing.get_all_start_methods()])
def test_a_child_process_computes_the_same(method):
    parallel.set_num_threads(2)
    expected = results(convnet())           # the parent has used its threads
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
    assert results(convnet()) == expected


@pytest.mark.skipif(sys.platform == "win32", reason="signals to processes")
def test_ctrl_c_stops_a_process_that_computes_in_threads():
    code = (f"import sys; sys.path[:0] = [{str(ROOT)!r}, {str(ROOT / 'tests')!r}]\n"
            "from test_parallel import batch, convnet\nfrom common import parallel\nparallel.set_num_threads(2)\n"
            "net, (x, t) = convnet(), batch(100)\nexpected = net.predict(x).tobytes()\n"
            "try:\n    print('ready', flush=True)\n    while True: net.value_and_gradient(x, t)\n"
            "except KeyboardInterrupt: print('interrupted', net.predict(x).tobytes() == expected)")
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=30)[0] == "interrupted True\n"
        assert process.returncode == 0
    finally:
        process.kill()
