"""Stacks of PyTorch modules."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from fastnn.backends.numpy_backend.normalization import EPSILON, RUNNING_SHARE
from fastnn.conversion.packages import imported
from fastnn.conversion.stack import Activate, Affine, Drop, Norm, Part, network_of, with_epsilon
from fastnn.losses import Loss
from fastnn.network import Network

#: fastnn's activations as PyTorch has them: module, and the values that options may have, the usual one first.
MODULES: dict[str, tuple[str, dict[str, tuple[Any, ...]]]] = {
    "relu": ("ReLU", {}),
    "leaky_relu": ("LeakyReLU", {"negative_slope": (0.01,)}),
    "elu": ("ELU", {"alpha": (1.0,)}),
    "selu": ("SELU", {}),
    "sigmoid": ("Sigmoid", {}),
    "tanh": ("Tanh", {}),
    "softplus": ("Softplus", {"beta": (1.0,), "threshold": (20.0,)}),
    "silu": ("SiLU", {}),
    "gelu": ("GELU", {"approximate": ("none",)}),
    "mish": ("Mish", {}),
    "softmax": ("Softmax", {"dim": (-1, 1)}),
}

#: Its name in fastnn, by that of the module.
ACTIVATION_OF = {module: name for name, (module, _) in MODULES.items()}


def from_torch(
    module: Any,
    loss: str | Loss | None = None,
    *,
    backend: str = "numba",
    seed: int | None = None,
    n_threads: int | None = None,
) -> Network:
    """The network that computes what a stack of PyTorch modules computes in evaluation mode.

    Parameters
    ----------
    module : torch.nn.Sequential
        ``Linear`` layers, each followed by perhaps a ``BatchNorm1d`` or ``LayerNorm``, then an activation, then ``Dropout``.
        ``Sequential`` modules may be nested; an ``Identity`` anywhere, and a ``Flatten`` at the start, are passed over.
        Activations are ``ReLU``, ``LeakyReLU(0.01)``, ``ELU(1)``, ``SELU``, ``Sigmoid``, ``Tanh``, ``Softplus(1)``,
        ``SiLU``, ``GELU`` (the exact form), ``Mish``, and ``Softmax`` in the output layer.
    loss : str or Loss, optional
        The loss of the network, for further training. By default the softmax cross-entropy after a ``Softmax``, the binary
        cross-entropy after a ``Sigmoid``, and otherwise the squared error. If the module ends without an activation, the
        loss must be given, and the network ends with the activation that goes with it: with
        ``loss="softmax_cross_entropy"``, the outputs of the module are `Network.logits`, and `Network.forward` gives
        probabilities.
    backend, seed, n_threads
        As in `Network`.

    Returns
    -------
    Network
        With copies of all parameters and running statistics, in their dtype, float32 or float64. Training goes on as in
        PyTorch, except that biases, scales and shifts that a module lacks start at 0 and 1 and are learned.

    Raises
    ------
    ValueError, TypeError
        If a part has no counterpart in fastnn; the message names it.
    ImportError
        If PyTorch is not installed.

    Notes
    -----
    A ``BatchNorm1d`` with another epsilon than 1e-5 gets a running variance that makes up for the difference; further
    training has fastnn's epsilon.

    Examples
    --------
    >>> network = from_torch(
    ...     torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 1)), "huber"
    ... )
    """
    torch = imported("torch", "from_torch")
    if not isinstance(module, torch.nn.Module):
        raise TypeError(f"from_torch takes a torch.nn.Sequential, got {type(module).__name__}.")
    return network_of(_parts(torch, module), loss, backend=backend, seed=seed, n_threads=n_threads)


def to_torch(network: Network, *, logits: bool = False) -> Any:
    """The stack of PyTorch modules that computes what a network computes, in evaluation mode.

    Parameters
    ----------
    network : Network
        A network without embeddings, input scaling, parametric or registered activations. That of an estimator is its
        `network_`, which takes features that are already standardised.
    logits : bool, default False
        Whether to leave out the activation of the output layer, so that the module computes `Network.logits` instead of
        `Network.forward`: losses such as ``torch.nn.CrossEntropyLoss`` expect logits.

    Returns
    -------
    torch.nn.Sequential
        With copies of all parameters and running statistics, in their dtype. Call its ``train()`` before training it further.

    Raises
    ------
    ValueError, TypeError
        If a part has no counterpart in PyTorch; the message names it.
    ImportError
        If PyTorch is not installed.
    """
    torch = imported("torch", "to_torch")
    if not isinstance(network, Network):
        hint = ": pass its network_" if hasattr(network, "network_") else ""
        raise TypeError(f"to_torch takes a fastnn.Network, got {type(network).__name__}{hint}.")
    _check_has_modules(network, logits=logits)
    with torch.no_grad():
        modules = [module for number in range(len(network.weights)) for module in _modules(torch, network, number)]
    if logits and network.architecture.activations[-1] != "identity":
        del modules[-1]
    return torch.nn.Sequential(*modules).eval()


# From PyTorch


def _parts(torch: Any, module: Any) -> Iterator[tuple[str, Part]]:
    """The parts of a stack, each with its name."""
    begun = False
    for number, each in enumerate(_flattened(torch, module), start=1):
        label = f"Layer {number} ({type(each).__name__})"
        _check_plain(each, label)
        flattens = type(each) is torch.nn.Flatten and (each.start_dim, each.end_dim) == (1, -1)
        if type(each) is torch.nn.Identity or (flattens and not begun):
            continue
        begun = True
        yield label, _part(torch, each, label)


def _flattened(torch: Any, module: Any) -> Iterator[Any]:
    """The modules of nested stacks."""
    if type(module) is not torch.nn.Sequential:
        yield module
        return
    _check_plain(module, "A Sequential")
    for each in module:
        yield from _flattened(torch, each)


def _check_plain(module: Any, label: str) -> None:
    """Raise ValueError if hooks change what the module computes."""
    if module._forward_hooks or module._forward_pre_hooks:
        raise ValueError(f"{label} has hooks, whose effect fastnn cannot know: remove them first.")


def _part(torch: Any, module: Any, label: str) -> Part:
    nn, kind = torch.nn, type(module)
    if kind is nn.Linear:
        return Affine(_array(torch, module.weight, label).T, _optional(torch, module.bias, label))
    if kind is nn.BatchNorm1d:
        return _batch_norm(torch, module, label)
    if kind is nn.LayerNorm:
        if len(module.normalized_shape) > 1 or module.eps != EPSILON:
            raise ValueError(
                f"{label} must normalise one axis with eps={EPSILON:g} as fastnn does, got "
                f"normalized_shape={tuple(module.normalized_shape)} and eps={module.eps:g}."
            )
        n_units = int(module.normalized_shape[0])
        return Norm("layer", n_units, _optional(torch, module.weight, label), _optional(torch, module.bias, label))
    if kind is nn.Dropout:
        if module.p == 1:
            raise ValueError(f"{label} drops everything.")
        return Drop(float(module.p))
    if kind.__name__ in ACTIVATION_OF and kind is getattr(nn, kind.__name__):
        return _activation(module, label)
    raise ValueError(
        f"{label} has no counterpart in fastnn: a stack can have Linear, BatchNorm1d, LayerNorm, Dropout, Identity, Flatten "
        f"at the start, and the activations {', '.join(ACTIVATION_OF)}."
    )


def _batch_norm(torch: Any, module: Any, label: str) -> Norm:
    if module.running_mean is None:
        raise ValueError(f"{label} has no running statistics, by which fastnn normalises when it predicts.")
    if module.momentum != RUNNING_SHARE:
        raise ValueError(f"{label} has momentum={module.momentum}, but fastnn's is {RUNNING_SHARE}.")
    variance = with_epsilon(_array(torch, module.running_var, label), module.eps, label)
    mean = _array(torch, module.running_mean, label)
    scales, shifts = (_optional(torch, tensor, label) for tensor in (module.weight, module.bias))
    return Norm("batch", int(module.num_features), scales, shifts, mean, variance)


def _activation(module: Any, label: str) -> Activate:
    name = ACTIVATION_OF[type(module).__name__]
    for option, allowed in MODULES[name][1].items():
        value = getattr(module, option)
        if value not in allowed:
            raise ValueError(f"{label} has {option}={value!r}, but fastnn's {name} has {allowed[0]!r}.")
    return Activate(name)


def _array(torch: Any, tensor: Any, label: str) -> np.ndarray:
    if tensor.dtype not in (torch.float32, torch.float64):
        raise ValueError(f"{label} has the dtype {tensor.dtype}, but fastnn computes in float32 and float64.")
    return np.asarray(tensor.detach().cpu().numpy())


def _optional(torch: Any, tensor: Any, label: str) -> np.ndarray | None:
    return None if tensor is None else _array(torch, tensor, label)


# To PyTorch


def _check_has_modules(network: Network, *, logits: bool) -> None:
    """Raise ValueError for the parts that PyTorch lacks."""
    architecture, stage = network.architecture, network.architecture.inputs
    names = architecture.activations[:-1] if logits else architecture.activations
    lacking = sorted({type(embedding).__name__ for embedding in stage.embeddings})
    lacking += ["input scaling"] * stage.scales + ["parametric activations"] * any(architecture.parametric)
    lacking += [f"the activation {name!r}" for name in dict.fromkeys(names) if name not in (*MODULES, "identity")]
    if lacking:
        hint = "" if logits else " With logits=True, the activation of the output layer is left out."
        raise ValueError(f"PyTorch has no module for {' and '.join(lacking)}.{hint}")


def _modules(torch: Any, network: Network, number: int) -> Iterator[Any]:
    """The modules of one layer."""
    nn, architecture, (n_in, n_out) = torch.nn, network.architecture, network.weights[number].shape
    dtype = getattr(torch, network.dtype.name)
    linear = nn.Linear(n_in, n_out, dtype=dtype)
    _copy(torch, linear.weight, network.weights[number].T)
    _copy(torch, linear.bias, network.biases[number])
    yield linear
    if architecture.normalizations[number] != "none":
        yield _normalization(torch, network, number, dtype)
    if architecture.activations[number] != "identity":
        name, options = MODULES.get(architecture.activations[number], ("Identity", {}))
        yield getattr(nn, name)(**{option: allowed[0] for option, allowed in options.items()})
    if architecture.dropout[number]:
        yield nn.Dropout(architecture.dropout[number])


def _normalization(torch: Any, network: Network, number: int, dtype: Any) -> Any:
    n, is_batch = network.weights[number].shape[1], network.architecture.normalizations[number] == "batch"
    module = (torch.nn.BatchNorm1d if is_batch else torch.nn.LayerNorm)(n, eps=EPSILON, dtype=dtype)
    _copy(torch, module.weight, network.scales[number])
    _copy(torch, module.bias, network.shifts[number])
    if is_batch:
        mean, variance = network.architecture.running_views(network.statistics)[number]
        _copy(torch, module.running_mean, mean)
        _copy(torch, module.running_var, variance)
    return module


def _copy(torch: Any, tensor: Any, array: np.ndarray) -> None:
    tensor.copy_(torch.from_numpy(np.array(array)))
