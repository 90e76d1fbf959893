"""Every optimizer and schedule follows PyTorch's, step by step, from the same start on the same batches.

PyTorch's `weight_decay` is the l2 penalty here, on all parameters, except in AdamW, where it is decoupled as here.
"""

from functools import cache

import numpy as np
import pytest

import fastnn
from fastnn.schedules import (
    Constant,
    Cosine,
    ExponentialDecay,
    InverseScaling,
    OneCycle,
    ReduceOnPlateau,
    StepDecay,
)
from fastnn.training import descent
from tests.cases import assert_agree, import_torch

torch = import_torch()
from torch.optim import lr_scheduler  # noqa: E402, after PyTorch is known to be there

RELATIVE = 1e-8

#: 5 batches per epoch, the last one smaller.
N_SAMPLES, BATCH_SIZE, EPOCHS = 37, 8, 10
BATCHES = [slice(start, min(start + 8, 37)) for start in range(0, 37, 8)]
STEPS = EPOCHS * len(BATCHES)

#: Networks that train in rows, and in columns.
NETWORKS = {"wide": (10, 40, 3), "narrow": (5, 8, 3)}

every_network = pytest.mark.parametrize("network", NETWORKS)

#: Optimizers of both libraries, with the maximum gradient norm.
PENALTY = {"l2": 0.05, "penalize_biases": True}
OPTIMIZERS = {
    "sgd": (fastnn.SGD(0.1), torch.optim.SGD, {"lr": 0.1}),
    "sgd, l2": (fastnn.SGD(0.1, **PENALTY), torch.optim.SGD, {"lr": 0.1, "weight_decay": 0.05}),
    "sgd, clipped": (fastnn.SGD(0.1, max_grad_norm=0.2), torch.optim.SGD, {"lr": 0.1}),
    "momentum": (fastnn.SGD(0.1, 0.9), torch.optim.SGD, {"lr": 0.1, "momentum": 0.9}),
    "momentum, l2, clipped": (
        fastnn.SGD(0.1, 0.9, max_grad_norm=0.2, **PENALTY),
        torch.optim.SGD,
        {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.05},
    ),
    "nesterov": (fastnn.SGD(0.1, 0.9, True), torch.optim.SGD, {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
    "nesterov, l2": (
        fastnn.SGD(0.1, 0.9, True, **PENALTY),
        torch.optim.SGD,
        {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.05},
    ),
    "adagrad": (fastnn.Adagrad(0.05), torch.optim.Adagrad, {"lr": 0.05}),
    "adagrad, l2, clipped": (
        fastnn.Adagrad(0.05, epsilon=1e-3, max_grad_norm=0.2, **PENALTY),
        torch.optim.Adagrad,
        {"lr": 0.05, "eps": 1e-3, "weight_decay": 0.05},
    ),
    "rmsprop": (fastnn.RMSprop(0.01), torch.optim.RMSprop, {"lr": 0.01}),
    "rmsprop, l2": (
        fastnn.RMSprop(0.01, 0.9, 1e-3, **PENALTY),
        torch.optim.RMSprop,
        {"lr": 0.01, "alpha": 0.9, "eps": 1e-3, "weight_decay": 0.05},
    ),
    "rmsprop, momentum": (
        fastnn.RMSprop(0.01, momentum=0.9, max_grad_norm=0.2),
        torch.optim.RMSprop,
        {"lr": 0.01, "momentum": 0.9},
    ),
    "adam": (fastnn.Adam(0.01), torch.optim.Adam, {"lr": 0.01}),
    "adam, l2, clipped": (
        fastnn.Adam(0.01, 0.8, 0.95, 1e-3, max_grad_norm=0.2, **PENALTY),
        torch.optim.Adam,
        {"lr": 0.01, "betas": (0.8, 0.95), "eps": 1e-3, "weight_decay": 0.05},
    ),
    "amsgrad": (
        fastnn.Adam(0.01, 0.9, 0.5, amsgrad=True),
        torch.optim.Adam,
        {"lr": 0.01, "betas": (0.9, 0.5), "amsgrad": True},
    ),
    "adamw": (fastnn.AdamW(0.01, penalize_biases=True), torch.optim.AdamW, {"lr": 0.01, "weight_decay": 0.01}),
    "adamw, amsgrad, clipped": (
        fastnn.AdamW(0.01, amsgrad=True, weight_decay=0.5, penalize_biases=True, max_grad_norm=0.2),
        torch.optim.AdamW,
        {"lr": 0.01, "weight_decay": 0.5, "amsgrad": True},
    ),
}


def warmed_up_cosine(optimizer):
    rise = lr_scheduler.LinearLR(optimizer, start_factor=1 / 8, total_iters=7)
    fall = lr_scheduler.CosineAnnealingLR(optimizer, STEPS - 8, eta_min=0.01)
    return lr_scheduler.SequentialLR(optimizer, [rise, fall], milestones=[8])


def one_cycle(highest, **options):
    return lambda optimizer: lr_scheduler.OneCycleLR(optimizer, highest, STEPS, **options)


#: Optimizers, the schedules of both libraries, and whether they change the rate once per epoch.
MOMENTUM, ADAM, RMSPROP = OPTIMIZERS["momentum"], OPTIMIZERS["adam"], OPTIMIZERS["rmsprop, momentum"]
SCHEDULES = {
    "constant": (MOMENTUM, Constant(), lambda optimizer: lr_scheduler.ConstantLR(optimizer, 1.0)),
    "inverse scaling": (
        ADAM,
        InverseScaling(0.6),
        lambda optimizer: lr_scheduler.LambdaLR(optimizer, lambda t: (t + 1) ** -0.6),
    ),
    "function": (
        ADAM,
        lambda t: 0.01 / (1 + t),
        lambda optimizer: lr_scheduler.LambdaLR(optimizer, lambda t: 1 / (1 + t)),
    ),
    "step decay": (
        MOMENTUM,
        StepDecay(0.5, steps=7),
        lambda optimizer: lr_scheduler.StepLR(optimizer, step_size=7, gamma=0.5),
    ),
    "decay by epochs": (
        ADAM,
        StepDecay(0.5, epochs=3),
        lambda optimizer: lr_scheduler.StepLR(optimizer, step_size=3 * len(BATCHES), gamma=0.5),
    ),
    "exponential": (
        RMSPROP,
        ExponentialDecay(0.95, steps=1),
        lambda optimizer: lr_scheduler.ExponentialLR(optimizer, gamma=0.95),
    ),
    "cosine": (MOMENTUM, Cosine(), lambda optimizer: lr_scheduler.CosineAnnealingLR(optimizer, STEPS)),
    "cosine after a warm-up": (MOMENTUM, Cosine(0.01, warmup_steps=8), warmed_up_cosine),
    "one cycle": (MOMENTUM, OneCycle(), one_cycle(0.1)),
    "one cycle of adam": (ADAM, OneCycle(), one_cycle(0.01)),
    "one cycle of rmsprop": (RMSPROP, OneCycle(), one_cycle(0.01)),
    "one cycle of nesterov, linear": (
        OPTIMIZERS["nesterov"],
        OneCycle(0.25, "linear", 10, 100, lowest_momentum=0.5, highest_momentum=0.9),
        one_cycle(
            0.1,
            pct_start=0.25,
            anneal_strategy="linear",
            div_factor=10,
            final_div_factor=100,
            base_momentum=0.5,
            max_momentum=0.9,
        ),
    ),
    "one cycle of three phases": (ADAM, OneCycle(three_phases=True), one_cycle(0.01, three_phase=True)),
    "one cycle of the rate alone": (
        OPTIMIZERS["sgd"],
        OneCycle(0.4, cycle_momentum=False),
        one_cycle(0.1, pct_start=0.4, cycle_momentum=False),
    ),
    "plateau": (
        ADAM,
        ReduceOnPlateau(0.5, patience=1, threshold=0.2, cooldown=1, lowest_rate=0.003),
        lambda optimizer: lr_scheduler.ReduceLROnPlateau(
            optimizer, factor=0.5, patience=1, threshold=0.2, cooldown=1, min_lr=0.003
        ),
    ),
    "plateau by difference": (
        MOMENTUM,
        ReduceOnPlateau(0.1, patience=0, threshold=0.1, relative=False),
        lambda optimizer: lr_scheduler.ReduceLROnPlateau(
            optimizer, factor=0.1, patience=0, threshold=0.1, threshold_mode="abs"
        ),
    ),
}


def data(network):
    random = np.random.default_rng(3)
    return random.standard_normal((N_SAMPLES, NETWORKS[network][0])), random.integers(3, size=N_SAMPLES)


def start(network, backend="numpy"):
    model = fastnn.Network(NETWORKS[network], "tanh", backend=backend, dtype="float64", seed=0)
    for b in model.biases:
        b[:] = np.random.default_rng(1).uniform(-0.5, 0.5, b.shape)
    return model


def trajectory(network, backend, optimizer, schedule=None):
    """The parameters after each step, and the rate at the end of each epoch."""
    model, steps = start(network, backend), {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(descent, "SECONDS_PER_CHUNK", 0)
        history = model.fit(
            *data(network),
            optimizer=optimizer,
            schedule=schedule,
            epochs=EPOCHS,
            batch_size=BATCH_SIZE,
            shuffle=False,
            progress=lambda share, _: steps.__setitem__(round(share * STEPS), model.parameters.copy()),
        )
    assert sorted(steps) == [*range(1, STEPS + 1)]
    return [steps[step] for step in sorted(steps)], history.learning_rate


@cache
def torch_trajectory(network, make_optimizer, options, longest, make_schedule=None):
    """The same with PyTorch."""
    model, parameters = torch.nn.Sequential(), []
    reference = start(network)
    for W, b in zip(reference.weights, reference.biases, strict=True):
        linear = torch.nn.Linear(*W.shape, dtype=torch.float64)
        linear.weight.data, linear.bias.data = torch.tensor(W.T.copy()), torch.tensor(b)
        model.extend([linear, torch.nn.Tanh()])
    model = model[:-1]
    optimizer = make_optimizer(model.parameters(), **dict(options))
    schedule = make_schedule and make_schedule(optimizer)
    by_epoch = isinstance(schedule, lr_scheduler.ReduceLROnPlateau)
    X, y = map(torch.tensor, data(network))
    rates = []
    for _ in range(EPOCHS):
        losses = []
        for rows in BATCHES:
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(model(X[rows]), y[rows])
            loss.backward()
            if longest is not None:
                torch.nn.utils.clip_grad_norm_(model.parameters(), longest)
            rate = optimizer.param_groups[0]["lr"]
            optimizer.step()
            if schedule and not by_epoch and len(parameters) < STEPS - 1:
                schedule.step()
            losses.append(loss.item())
            parameters.append(
                torch.cat([p.permute(*reversed(range(p.ndim))).reshape(-1) for p in model.parameters()])
                .detach()
                .numpy()
            )
        rates.append(rate)
        if by_epoch:
            schedule.step(np.average(losses, weights=[rows.stop - rows.start for rows in BATCHES]))
    return parameters, rates


def assert_same_way(found, expected):
    assert_agree(found, expected, RELATIVE)
    assert np.abs(found[-1] - found[0]).max() > 0.01


@pytest.mark.parametrize(("network", "backend"), [("wide", "numba"), ("narrow", "numba"), ("narrow", "numpy")])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_optimizer_goes_the_way_of_pytorch(name, network, backend):
    optimizer, theirs, options = OPTIMIZERS[name]
    expected, _ = torch_trajectory(network, theirs, tuple(options.items()), optimizer.max_grad_norm)
    found, _ = trajectory(network, backend, optimizer)
    assert_same_way(found, expected)


@pytest.mark.parametrize(("network", "backend"), [("wide", "numba"), ("narrow", "numpy")])
@pytest.mark.parametrize("name", SCHEDULES)
def test_a_schedule_goes_the_way_of_pytorch(name, network, backend):
    (optimizer, theirs, options), schedule, theirs_schedule = SCHEDULES[name]
    expected, expected_rates = torch_trajectory(
        network, theirs, tuple(options.items()), optimizer.max_grad_norm, theirs_schedule
    )
    found, rates = trajectory(network, backend, optimizer, schedule)
    np.testing.assert_allclose(rates, expected_rates, rtol=1e-12)
    assert_same_way(found, expected)


@pytest.mark.parametrize("name", [name for name in OPTIMIZERS if "clipped" in name])
def test_the_gradients_that_are_clipped_are_long_enough_for_it(name):
    _, theirs, options = OPTIMIZERS[name]
    clipped, unclipped = (
        torch_trajectory("wide", theirs, tuple(options.items()), longest)[0] for longest in (0.2, None)
    )
    assert np.abs(clipped[-1] - unclipped[-1]).max() > 1e-3


@every_network
@pytest.mark.parametrize("name", ["plateau", "plateau by difference"])
def test_the_plateaus_are_plateaus(name, network):
    (optimizer, _, _), schedule, _ = SCHEDULES[name]
    _, rates = trajectory(network, "numpy", optimizer, schedule)
    assert rates[-1] < rates[0]
