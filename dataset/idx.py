"""The IDX format, in which MNIST comes: a header of big-endian 32-bit numbers, then one byte per value.

The header holds a magic number (0x0800 plus the number of dimensions) and the length of each dimension:
0x00000803, N, rows, columns for images; 0x00000801, N for labels.
"""
import gzip
import hashlib
import io
import math
import struct
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
        header = 4 + 4 * len(self.shape)
        if data.startswith(b"\x1f\x8b"):                # gzip's magic number
            try:                                        # no more than is needed: a few bytes may become gigabytes
                data = gzip.GzipFile(fileobj=io.BytesIO(data)).read(header + math.prod(self.shape))
            except Exception as error:
                raise ValueError(f"damaged gzip data ({error})") from error
        got = hashlib.sha256(data).hexdigest()
        if got != self.sha256:
            raise ValueError(f"expected {self.name} with the SHA-256 {self.sha256}, got {len(data)} bytes with {got}")
        return np.frombuffer(bytearray(data), np.uint8, offset=header).reshape(self.shape)

    def check(self, array):
        """`array`, reshaped, if it is what the file holds; ValueError otherwise."""
        if not isinstance(array, np.ndarray) or array.dtype != np.uint8:
            raise ValueError(f"expected an array of uint8 with what {self.name} holds, got {type(array).__name__}")
        return self.decode(encode(array.reshape(self.shape)))


def encode(array):
    """The bytes of an IDX file that holds a uint8 array."""
    header = struct.pack(f">{1 + array.ndim}I", 0x0800 + array.ndim, *array.shape)
    return header + np.ascontiguousarray(array, np.uint8).tobytes()
