"""common/training/averaging.py: averages as the formula says, and the arrays of the best epoch."""
import numpy as np
import pytest

from common.multi_layer_net_extend import MultiLayerNetExtend
from common.training.averaging import AverageWeights, BestWeights, arrays_of, put


@pytest.fixture
def net():
    return MultiLayerNetExtend(3, [4], 2, use_batchnorm=True)


def values_of(net):
    return {key: array.copy() for key, array in arrays_of(net).items()}


def fill(net, number):
    for array in arrays_of(net).values():
        array[...] = number


def equal(a, b):
    return a.keys() == b.keys() and all(np.array_equal(a[key], b[key]) for key in a)


def test_all_arrays_are_meant_the_running_statistics_too(net):
    names = set(arrays_of(net))
    assert names == {"W1", "b1", "gamma1", "beta1", "W2", "b2", "running_mean1", "running_var1"}
    assert arrays_of(net)["running_var1"] is net.layers["BatchNorm1"].running_var


def test_the_average_follows_its_formula(net):
    average = AverageWeights(net, 0.3)
    fill(net, 0)
    average.arrays = values_of(net)
    expected = 0.0
    for step, number in enumerate([1.0, 5.0, -2.0, 4.0, 4.0], start=1):
        fill(net, number)
        average.update(net)
        d = min(0.3, (1 + step) / (10 + step))      # 2/11, 3/12, 4/13 = 0.308 and on: the start counts less
        expected = d * expected + (1 - d) * number
        for array in average.arrays.values():
            np.testing.assert_allclose(array, expected, rtol=1e-5)
            assert array.dtype == np.float32
    assert all((array == 4).all() for array in arrays_of(net).values())     # the net itself is left alone


def test_the_average_starts_from_copies(net):
    average, before = AverageWeights(net, 0.9), values_of(net)
    fill(net, 7)
    assert equal(average.arrays, before)


def test_inside_the_net_has_the_averages_and_then_its_own_again(net):
    average, own = AverageWeights(net, 0.9), net.layers["Affine1"].W
    fill(net, 7)
    with average.inside(net):
        assert equal(values_of(net), average.arrays) and net.layers["Affine1"].W is own
    assert (own == 7).all()
    with pytest.raises(ZeroDivisionError), average.inside(net):
        1 / 0
    assert all((array == 7).all() for array in arrays_of(net).values())


def test_the_best_are_those_of_the_highest_score_the_first_of_equals(net):
    best = BestWeights()
    for epoch, score in enumerate([0.5, 0.7, 0.6, 0.7], start=1):
        fill(net, epoch)
        best.offer(score, epoch, net)
    assert (best.score, best.epoch) == (0.7, 2)
    put(net, best.arrays)
    assert all((array == 2).all() for array in arrays_of(net).values())


def test_a_net_of_params_alone(net):
    class Plain:
        params = {"w": np.array([1.0, 2.0])}

    plain, array = Plain(), Plain.params["w"]
    put(plain, {"w": np.array([3.0, 4.0])})
    assert plain.params["w"] is array and array.tolist() == [3, 4]


@pytest.mark.parametrize("decay", [-0.1, 0, 1, 1.5, float("nan")])
def test_a_wrong_decay_is_named(net, decay):
    with pytest.raises(ValueError, match=f"decay between 0 and 1.*got {decay}"):
        AverageWeights(net, decay)
