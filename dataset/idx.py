"""The IDX format, in which MNIST comes: a header of big-endian 32-bit numbers, then one byte per value.

The header holds a magic number (0x0800 plus the number of dimensions) and the length of each dimension:
0x00000803, N, rows, columns for images; 0x00000801, N for labels.
"""
import gzip
import hashlib
import io
import math
import struct
import zlib
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class IdxFile:
    """A file that is known: its name (gzipped), the shape of its array, and the SHA-256 of its content before gzip."""
    name: str
    shape: tuple
    sha256: str

    def decode(self, data):
        """The array in `data`, the file's bytes, gzipped or not. ValueError if it is not the right one."""
        expected = header(self.shape)
        if data.startswith(b"\x1f\x8b"):                # gzip's magic number
            try:                                        # no more than is needed: a few bytes may become gigabytes
                data = gzip.GzipFile(fileobj=io.BytesIO(data)).read(len(expected) + math.prod(self.shape))
            except (OSError, EOFError, zlib.error) as error:
                raise ValueError(f"damaged gzip data ({error})") from error
        if not data.startswith(expected):
            got = data[:len(expected)].hex(" ", 4) or "nothing"
            raise ValueError(f"expected IDX data of shape {self.shape}, header {expected.hex(' ', 4)}, got {got}")
        return self.check(np.frombuffer(data, np.uint8, offset=len(expected)).copy())

    def check(self, array):
        """`array`, reshaped, if it is what the file holds; ValueError otherwise."""
        size = math.prod(self.shape)
        if not isinstance(array, np.ndarray) or array.dtype != np.uint8 or array.size != size:
            raise ValueError(f"expected {size} uint8 values of {self.name}, got {getattr(array, 'size', 'no array')}")
        array = array.reshape(self.shape)
        got = hashlib.sha256(encode(array)).hexdigest()
        if got != self.sha256:
            raise ValueError(f"not the content of {self.name}: expected the SHA-256 {self.sha256}, got {got}")
        return array


def encode(array):
    """The bytes of an IDX file that holds a uint8 array."""
    return header(array.shape) + np.ascontiguousarray(array, np.uint8).tobytes()


def header(shape):
    """The bytes that stand in front of an IDX array of this shape."""
    return struct.pack(f">{1 + len(shape)}I", 0x0800 + len(shape), *shape)
