"""A faster way to the same numbers, where cutting alone leaves more than a tenth of a step."""
from common.util import crop_images, im2col_nhwc, pad_images, whole_number


def turned_convolution(layer, dout):
    """Convolution.backward as a convolution again: of dout, with the filters turned by 180 degrees.

    The col of dout serves dx and dW: a fifth of a DeepConvNet step. Returns dx and leaves dW and db in the layer; or
    None, where the formula in the layer is as fast or faster (other strides, few channels).
    """
    FN, C, FH, FW = layer.W.shape
    turned_pad = FH - 1 - whole_number(layer.pad)
    x = crop_images(layer.padded, layer.pad).transpose(0, 2, 3, 1)                       # (N, H, W, C)
    if layer.stride != 1 or FH != FW or turned_pad < 0 or C == 1 or x.size // C * FN > 1.5 * dout.size // FN * C:
        return None
    col = im2col_nhwc(pad_images(dout, turned_pad), FH, FW)                         # (N H W, FH*FW*FN)
    dW = (col.T @ x.reshape(-1, C)).reshape(FH, FW, FN, C)[::-1, ::-1]              # turned back
    layer.dW = dW.transpose(2, 3, 0, 1)                                             # (FN, C, FH, FW)
    layer.db = dout.sum(axis=(0, 2)).sum(axis=1)
    dx = col @ layer.W[:, :, ::-1, ::-1].transpose(2, 3, 0, 1).reshape(-1, C)       # (N H W, C)
    return dx.reshape(x.shape).transpose(0, 3, 1, 2)
