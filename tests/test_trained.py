"""The trained parameters that come with the project read as many digits as they claim."""
import re
from pathlib import Path

import pytest

from ch05.deep_convnet import DeepConvNet
from ch05.simple_convnet import SimpleConvNet
from dataset.mnist import load_mnist

TRAINED = Path(__file__).resolve().parents[1] / "ch05" / "trained"


@pytest.mark.parametrize("name, network", [("simple_convnet.pkl", SimpleConvNet), ("deep_convnet.pkl", DeepConvNet)])
def test_trained_parameters_are_as_good_as_their_readme_says(name, network):
    try:
        _, (x_test, t_test) = load_mnist(flatten=False, allow_mini=False)
    except FileNotFoundError:
        pytest.skip("needs the full MNIST: set MNIST_DIR")
    claimed = float(re.search(rf"`{name}`.*\| ([\d.]+) \|", (TRAINED / "README.md").read_text()).group(1))
    net = network()
    net.load_params(TRAINED / name)
    assert net.accuracy(x_test, t_test) == pytest.approx(claimed, abs=2e-4)
