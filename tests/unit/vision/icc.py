"""Colour profiles, and what their colours are in sRGB by the formulas: a second reader for what LittleCMS gives."""

import struct

import numpy as np
from numpy.typing import NDArray

# Primaries' XYZ under D50, columns R, G, B: of sRGB (IEC 61966-2-1), Display P3 (SMPTE EG 432-1, D65) and Adobe RGB.
SRGB = np.array([[0.43607, 0.38515, 0.14307], [0.22249, 0.71687, 0.06061], [0.01392, 0.09708, 0.71410]])
DISPLAY_P3 = np.array([[0.51512, 0.29198, 0.15710], [0.24120, 0.69225, 0.06657], [-0.00105, 0.04189, 0.78407]])
ADOBE_RGB = np.array([[0.60974, 0.20528, 0.14919], [0.31111, 0.62567, 0.06322], [0.01947, 0.06087, 0.74457]])
_D50 = (0.9642, 1.0, 0.8249)


def matrix_profile(primaries: NDArray[np.float64], gamma: float) -> bytes:
    """An ICC profile (version 2.1) of RGB with three primaries and one exponent."""

    def xyz(values: NDArray[np.float64] | tuple[float, ...]) -> bytes:
        return b"XYZ \0\0\0\0" + b"".join(struct.pack(">i", round(value * 65_536)) for value in values)

    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"
    tags = {b"wtpt": xyz(_D50)}
    for column, letter in enumerate(b"rgb"):
        tags[bytes([letter]) + b"XYZ"] = xyz(primaries[:, column])
        tags[bytes([letter]) + b"TRC"] = curve
    tags[b"desc"] = b"desc\0\0\0\0" + struct.pack(">I", 5) + b"test\0" + bytes(78)
    return _assemble(b"RGB ", tags)


def grey_profile(gamma: float) -> bytes:
    """An ICC profile of grey with one exponent."""
    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"
    white = b"XYZ \0\0\0\0" + b"".join(struct.pack(">i", round(value * 65_536)) for value in _D50)
    return _assemble(b"GRAY", {b"wtpt": white, b"kTRC": curve})


def srgb_by_formula(pixels: NDArray[np.uint8], primaries: NDArray[np.float64], gamma: float) -> NDArray[np.float64]:
    """What a profile's colours are in sRGB, 0 to 255, clipped to its gamut."""
    linear = (pixels / 255.0) ** gamma
    return encode_srgb(linear @ primaries.T @ np.linalg.inv(SRGB).T)


def encode_srgb(linear: NDArray[np.float64]) -> NDArray[np.float64]:
    """sRGB's curve: light of 0 to 1 to levels of 0 to 255."""
    clipped = np.clip(linear, 0, 1)
    return 255 * np.where(clipped <= 0.0031308, 12.92 * clipped, 1.055 * clipped ** (1 / 2.4) - 0.055)


def _assemble(space: bytes, tags: dict[bytes, bytes]) -> bytes:
    table, body, offset = b"", b"", 132 + 12 * len(tags)
    for name, content in tags.items():
        padded = content + bytes(-len(content) % 4)
        table += name + struct.pack(">II", offset + len(body), len(content))
        body += padded
    header = struct.pack(">I4sI4s4s4s", offset + len(body), b"\0\0\0\0", 0x02100000, b"mntr", space, b"XYZ ")
    header += bytes(12) + b"acsp" + bytes(28) + b"".join(struct.pack(">i", round(v * 65_536)) for v in _D50) + bytes(48)
    return header + struct.pack(">I", len(tags)) + table + body
