"""A fully connected net (book, chapter 6)."""
from common.multi_layer_net_extend import MultiLayerNetExtend


class MultiLayerNet(MultiLayerNetExtend):
    """Affine and activation for every hidden layer, then Affine and softmax with loss.

    Its arguments are those of MultiLayerNetExtend, which also has dropout and batch normalization on request.
    """
