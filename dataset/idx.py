"""The IDX format, in which MNIST comes: a header of big-endian 32-bit numbers, then one byte per value.

The header holds a magic number (0x0800 plus the number of dimensions) and the length of each dimension:
0x00000803, N, rows, columns for images; 0x00000801, N for labels.
"""
import gzip
import io
import math
import struct
import zlib

import numpy as np


def header(shape):
    """The bytes that stand in front of an IDX array of this shape."""
    return struct.pack(f">{1 + len(shape)}I", 0x0800 + len(shape), *shape)


def decode(data, shape):
    """The array in an IDX file: uint8, of its own memory.

    `data` is the whole file, gzipped or not; `shape` what it must hold, (N, rows, columns) for images and (N,) for
    labels. Raises a ValueError if the gzip stream is damaged, or for another header, too few or too many bytes.
    """
    expected = header(shape)
    size = len(expected) + math.prod(shape)
    if data.startswith(b"\x1f\x8b"):                    # gzip's magic number
        try:
            data = gzip.GzipFile(fileobj=io.BytesIO(data)).read(size)      # no more: a few bytes may become gigabytes
        except (OSError, EOFError, zlib.error) as error:
            raise ValueError(f"damaged gzip data ({error})") from error
    if not data.startswith(expected):
        got = data[:len(expected)].hex(" ", 4)
        raise ValueError(f"expected IDX data of shape {shape}, header {expected.hex(' ', 4)}, got {got or 'nothing'}")
    if len(data) != size:
        raise ValueError(f"expected {size} bytes of IDX data, got {len(data)}")
    return np.frombuffer(data, np.uint8, offset=len(expected)).reshape(shape).copy()


def encode(array):
    """The bytes of an IDX file that holds a uint8 array."""
    return header(array.shape) + np.ascontiguousarray(array, np.uint8).tobytes()
