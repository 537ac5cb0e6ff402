"""Two apples of 100 yen, three oranges of 150 yen, 10% tax: a graph where two branches meet (book, 5.4.2).

Look at the addition: going backwards it hands the same 1.1 to the apples and to the oranges; only the
multiplications change what passes.

Before: buy_apple.py; next: two_layer_net.py.
"""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from ch05.layer_naive import AddLayer, MulLayer
from common.figures.draw_graph import draw
from common.figures.graph import Graph
from common.figures.plot import show
from common.script import start

if __name__ == "__main__":
    start(__doc__)
    apple = 100
    apple_num = 2
    orange = 150
    orange_num = 3
    tax = 1.1
    mul_apple_layer = MulLayer()
    mul_orange_layer = MulLayer()
    add_apple_orange_layer = AddLayer()
    mul_tax_layer = MulLayer()

    # forward
    apple_price = mul_apple_layer.forward(apple, apple_num)
    orange_price = mul_orange_layer.forward(orange, orange_num)
    all_price = add_apple_orange_layer.forward(apple_price, orange_price)
    price = mul_tax_layer.forward(all_price, tax)

    # backward: the same layers from last to first
    dprice = 1
    dall_price, dtax = mul_tax_layer.backward(dprice)
    dapple_price, dorange_price = add_apple_orange_layer.backward(dall_price)
    dorange, dorange_num = mul_orange_layer.backward(dorange_price)
    dapple, dapple_num = mul_apple_layer.backward(dapple_price)

    print(f"price: {price:g}")
    print(f"d price / d apple:         {dapple:g}")
    print(f"d price / d apple number:  {dapple_num:g}")
    print(f"d price / d orange:        {dorange:g}")
    print(f"d price / d orange number: {dorange_num:g}")
    print(f"d price / d tax:           {dtax:g}")

    # the same as a picture
    graph = Graph(apple=apple, apple_num=apple_num, orange=orange, orange_num=orange_num, tax=tax)
    graph.forward(mul_apple_layer, "apple", "apple_num", out="apple_price")
    graph.forward(mul_orange_layer, "orange", "orange_num", out="orange_price")
    graph.forward(add_apple_orange_layer, "apple_price", "orange_price", out="all_price")
    graph.forward(mul_tax_layer, "all_price", "tax", out="price")
    graph.backward(dprice)
    draw(graph)
    show()
