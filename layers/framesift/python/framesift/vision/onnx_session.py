"""Runs ONNX networks on the CPU with the fastest available execution provider."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

_OPENVINO = "OpenVINOExecutionProvider"
_BFLOAT16_FLAGS = {"avx512_bf16", "amx_bf16"}
_VNNI_FLAGS = {"avx512_vnni", "avx_vnni"}


class OnnxNetwork:
    """A network, which has one input unless `run_named` runs it.

    OpenVINO's execution provider is used if it is installed (onnxruntime-openvino, Linux on x86-64): it computes in
    bfloat16 if the CPU supports it, which onnxruntime's default provider does not. A network that OpenVINO cannot
    compile runs with the default provider.

    Args:
        path: The ONNX file.
        threads: Threads of one run; 0: one per core.
        exact: Always compute in float32.

    Attributes:
        device: The provider and precision, for people.
        batch_size: The fixed number of inputs per run; 0: any number.
        takes_uint8: Whether its input is `(N, H, W, 3)` uint8, with the normalisation in the graph.
        inputs: The names of its inputs.
        metadata: The file's custom metadata.
    """

    def __init__(self, path: Path, *, threads: int = 0, exact: bool = False) -> None:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3  # errors only
        options.intra_op_num_threads = threads
        use_bfloat16 = not exact and bool(_BFLOAT16_FLAGS & cpu_flags())
        providers: list[Any] = ["CPUExecutionProvider"]
        if _OPENVINO in onnxruntime.get_available_providers():
            config = {
                "INFERENCE_PRECISION_HINT": "bf16" if use_bfloat16 else "f32",
                "INFERENCE_NUM_THREADS": str(threads or usable_cores()),
            }
            providers.insert(0, (_OPENVINO, {"device_type": "CPU", "load_config": json.dumps({"CPU": config})}))
        self._session = _open_session(path, options, providers)
        self.inputs = tuple(each.name for each in self._session.get_inputs())
        self._input = self.inputs[0]
        kind = self._session.get_inputs()[0].type
        self.takes_uint8: bool = kind == "tensor(uint8)"
        self._dtype: Any = np.uint8 if self.takes_uint8 else np.float16 if kind == "tensor(float16)" else np.float32
        self._outputs = [output.name for output in self._session.get_outputs()]
        first = self._session.get_inputs()[0].shape[0] if self._session.get_inputs()[0].shape else 0
        self.batch_size: int = first if isinstance(first, int) else 0
        self.metadata: dict[str, str] = dict(self._session.get_modelmeta().custom_metadata_map)
        # A provider that cannot start is skipped without an error, so the active one is reported.
        by_openvino = self._session.get_providers()[0] == _OPENVINO
        precision = "bfloat16" if by_openvino and use_bfloat16 else "float32"
        self.device = f"CPU ({'OpenVINO' if by_openvino else 'onnxruntime'}, {precision})"

    def run(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Run the network on a batch of inputs; return its first output."""
        return np.asarray(self._session.run(None, {self._input: batch})[0], np.float32)

    def run_all(self, batch: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """Run the network on a batch of inputs; return its outputs by name, float16 ones as float32."""
        return self.run_named({self._input: batch.astype(self._dtype, copy=False)})

    def run_named(self, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Run the network on arrays by the names of its inputs; return its outputs as `run_all` does."""
        outputs = self._session.run(self._outputs, dict(inputs))
        return {
            name: output.astype(np.float32) if output.dtype == np.float16 else output
            for name, output in zip(self._outputs, map(np.asarray, outputs), strict=True)
        }


def _open_session(path: Path, options: Any, providers: list[Any]) -> Any:
    from onnxruntime.capi.onnxruntime_pybind11_state import Fail

    try:
        return onnxruntime.InferenceSession(str(path), options, providers=providers)
    except Fail:
        if len(providers) == 1:
            raise
        return onnxruntime.InferenceSession(str(path), options, providers=providers[-1:])


def prefers_int8(flags: frozenset[str]) -> bool:
    """Whether a CPU multiplies 8-bit integers faster than any float: VNNI, and no bfloat16.

    Args:
        flags: The CPU's features, by Linux's names (`cpu_flags`).

    Example:
        >>> prefers_int8(frozenset({"avx512_vnni"})), prefers_int8(frozenset({"avx512_vnni", "avx512_bf16"}))
        (True, False)
    """
    return bool(_VNNI_FLAGS & flags) and not _BFLOAT16_FLAGS & flags


@cache
def cpu_flags() -> frozenset[str]:
    """Return the CPU's feature flags as Linux names them; empty on other systems."""
    if platform.system() != "Linux":
        return frozenset()
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    flags = next((line for line in lines if line.startswith("flags")), "")
    return frozenset(flags.partition(":")[2].split())


def usable_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
