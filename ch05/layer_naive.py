"""The two smallest layers, multiplication and addition: a forward and a backward each (book, 5.4).

Look at `MulLayer.backward`: each input gets what came from above times the *other* input, so forward must
remember both. `AddLayer.backward` passes on what came, and has nothing to remember. Every layer in
common/layers.py is built the same way.

Chapter 5, first script: next is buy_apple.py, which uses them.
"""


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
