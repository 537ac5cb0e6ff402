"""The two simplest layers, multiplication and addition, each with forward and backward (book, 5.4).

Look at `MulLayer.backward`: the gradient of each input is dout times the *other* input, so forward must keep both.
`AddLayer.backward` returns dout unchanged, and keeps nothing. Every layer in common/layers.py is built in the same way.

Chapter 5, first script; next: buy_apple.py, which uses both.
"""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from common.script import start


class MulLayer:
    """out = x y"""

    def __init__(self):
        self.x = None
        self.y = None

    def forward(self, x, y):
        self.x = x
        self.y = y
        return x * y

    def backward(self, dout):
        """dx = dout y, dy = dout x."""
        return dout * self.y, dout * self.x


class AddLayer:
    """out = x + y"""

    def forward(self, x, y):
        return x + y

    def backward(self, dout):
        """dx = dy = dout."""
        return dout, dout


if __name__ == "__main__":
    start(__doc__)
    for layer in (MulLayer(), AddLayer()):
        out, (dx, dy) = layer.forward(3, 4), layer.backward(1)
        print(f"{type(layer).__name__}: x = 3, y = 4 gives {out}; for dout = 1: dx = {dx}, dy = {dy}")
