"""Checkpoints: everything that the next step depends on, as plain arrays in one file."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from framesift.errors import CheckpointMismatchError

_MOMENTS = ("exp_avg", "exp_avg_sq")


def save_checkpoint(
    path: Path, network: nn.Module, averaged: nn.Module, optimizer: torch.optim.Optimizer, facts: Mapping[str, Any]
) -> None:
    """Write a checkpoint in place of the last one, in one step.

    Args:
        path: The file.
        network: Its weights, and the optimizer's moments of them.
        averaged: The moving average of the weights.
        optimizer: AdamW.
        facts: Numbers and texts: the step, the recipe's digest.
    """
    arrays = {name: value.detach().cpu().numpy() for name, value in _name_tensors(network, averaged, optimizer)}
    arrays["facts"] = np.array(json.dumps(facts))
    arrays["random_state"] = torch.get_rng_state().numpy()
    unfinished = path.with_suffix(".part.npz")
    np.savez(unfinished, **arrays)  # type: ignore[arg-type]
    unfinished.replace(path)


def load_checkpoint(
    path: Path, network: nn.Module, averaged: nn.Module, optimizer: torch.optim.Optimizer, expected: Mapping[str, str]
) -> dict[str, Any]:
    """Restore what `save_checkpoint` wrote.

    Args:
        path: The file.
        network: Gets its weights.
        averaged: Likewise.
        optimizer: Gets its moments.
        expected: Facts that must be the same: the digests of the recipe and the data.

    Returns:
        The facts.

    Raises:
        CheckpointMismatchError: It belongs to another recipe or to other data, or is damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            facts: dict[str, Any] = json.loads(str(arrays["facts"]))
            for name, value in expected.items():
                if facts.get(name) != value:
                    raise CheckpointMismatchError(
                        f"The checkpoint in {path.parent} belongs to another {name}: train in another folder, or "
                        "delete this one."
                    )
            for group in optimizer.param_groups:
                for parameter in group["params"]:
                    moments = {moment: torch.zeros_like(parameter) for moment in _MOMENTS}
                    optimizer.state[parameter] = {"step": torch.tensor(float(facts["step"])), **moments}
            for name, tensor in _name_tensors(network, averaged, optimizer):
                tensor.data.copy_(torch.from_numpy(arrays[name]))
            torch.set_rng_state(torch.from_numpy(arrays["random_state"]))
    except (KeyError, ValueError, RuntimeError, EOFError, zipfile.BadZipFile) as error:
        raise CheckpointMismatchError(
            f"The checkpoint in {path.parent} cannot be read ({' '.join(str(error).split())}): delete {path.name}."
        ) from error
    return facts


def _name_tensors(
    network: nn.Module, averaged: nn.Module, optimizer: torch.optim.Optimizer
) -> Iterator[tuple[str, Tensor]]:
    for name, value in network.state_dict().items():
        yield f"network.{name}", value
    for name, value in averaged.state_dict().items():
        yield f"averaged.{name}", value
    for name, parameter in network.named_parameters():
        for moment in _MOMENTS:
            state = optimizer.state.get(parameter)
            if state:
                yield f"{moment}.{name}", state[moment]
