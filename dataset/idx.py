"""The IDX format, in which MNIST comes: a header of big-endian 32-bit numbers, then one byte per value.

The header holds a magic number (0x0800 plus the number of dimensions) and the length of each dimension:
0x00000803, N, rows, columns for images; 0x00000801, N for labels.
"""
import math
import struct
import zlib

import numpy as np

_GZIP_MAGIC = b"\x1f\x8b"


def header(shape):
    """The bytes that stand in front of an IDX array of this shape."""
    return struct.pack(f">{1 + len(shape)}I", 0x0800 + len(shape), *shape)


def unzip(data, max_bytes):
    """Gunzip `data` if it is gzipped, making no more than `max_bytes` of it.

    Raises a ValueError if the gzip stream is damaged or truncated, or its content is longer.
    """
    if data[:2] == _GZIP_MAGIC:
        data = _unzipped(data, max_bytes)
    if len(data) > max_bytes:
        raise ValueError(f"expected {max_bytes} bytes of content, got more")
    return data


def _unzipped(data, max_bytes):
    content = bytearray()
    for _ in range(100):                                    # a gzip file may have several parts, but hardly so many
        stream = zlib.decompressobj(wbits=31)               # 31: in the gzip format, with its checksum
        try:
            content += stream.decompress(data, max_bytes + 1 - len(content))
        except zlib.error as error:
            raise ValueError(f"damaged gzip data ({error})") from error
        data = stream.unused_data
        if data[:2] != _GZIP_MAGIC or len(content) > max_bytes:
            break
    if len(content) <= max_bytes and not stream.eof:
        raise ValueError("damaged gzip data (it ends too early)")
    return bytes(content)                                   # other bytes that follow are left alone, as gunzip does


def decode(data, shape):
    """The array in an IDX file: uint8, of its own memory.

    `data` is the whole file, not gzipped; `shape` what it must hold, (N, rows, columns) for images and (N,) for labels.
    Raises a ValueError for another magic number, other dimensions, too few or too many bytes.
    """
    expected = header(shape)
    if data[:4] != expected[:4]:
        raise ValueError(f"expected the IDX magic number 0x{expected[:4].hex()}, got 0x{data[:4].hex()}")
    if len(data) < len(expected):
        raise ValueError(f"expected an IDX header of {len(expected)} bytes, got {len(data)}")
    got = struct.unpack_from(f">{len(shape)}I", data, 4)
    if got != shape:
        raise ValueError(f"expected an IDX array of shape {shape}, got {got}")
    size = len(data) - len(expected)
    if size != math.prod(shape):
        raise ValueError(f"expected {math.prod(shape)} values of IDX data, got {size}")
    return np.frombuffer(data, np.uint8, offset=len(expected)).reshape(shape).copy()


def encode(array):
    """The bytes of an IDX file that holds a uint8 array."""
    return header(array.shape) + np.ascontiguousarray(array, np.uint8).tobytes()
