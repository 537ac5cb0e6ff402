"""Two apples of 100 yen and 10% tax: what they cost, and what the price depends on (book, 5.4.1).

Look at the derivatives: one yen more for an apple makes the purchase 2.2 yen dearer (two apples, and the tax
on them). All three come out of one walk backwards from the price, under the lines of the figure.

Before: layer_naive.py; next: buy_apple_orange.py.
"""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from ch05.layer_naive import MulLayer
from common.figures.draw_graph import draw
from common.figures.graph import Graph
from common.figures.plot import show
from common.script import start

if __name__ == "__main__":
    start(__doc__)
    apple = 100
    apple_num = 2
    tax = 1.1
    mul_apple_layer = MulLayer()
    mul_tax_layer = MulLayer()

    # forward
    apple_price = mul_apple_layer.forward(apple, apple_num)
    price = mul_tax_layer.forward(apple_price, tax)

    # backward
    dprice = 1
    dapple_price, dtax = mul_tax_layer.backward(dprice)
    dapple, dapple_num = mul_apple_layer.backward(dapple_price)

    print(f"price: {price:g}")
    print(f"d price / d apple:        {dapple:g}")
    print(f"d price / d apple number: {dapple_num:g}")
    print(f"d price / d tax:          {dtax:g}")

    # the same as a picture: the layers run once more, and every value gets its name
    graph = Graph(apple=apple, apple_num=apple_num, tax=tax)
    graph.forward(mul_apple_layer, "apple", "apple_num", out="apple_price")
    graph.forward(mul_tax_layer, "apple_price", "tax", out="price")
    graph.backward(dprice)
    draw(graph)
    show()
