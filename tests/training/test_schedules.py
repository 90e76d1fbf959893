"""Schedules: their formulas, invalid arguments, and that `fit` follows them step by step on both backends.

`test_torch_trajectories` compares them with PyTorch's.
"""

import math
import pickle

import numpy as np
import pytest

import fastnn
from fastnn.schedules import (
    Constant,
    Cosine,
    ExponentialDecay,
    FlatCosine,
    InverseScaling,
    LogCosine,
    OneCycle,
    ReduceOnPlateau,
    Schedule,
    StepDecay,
    find_schedule,
)
from fastnn.training import descent
from tests.cases import assert_agree, every_backend, tolerance

X = np.random.default_rng(0).standard_normal((23, 3))
LABELS = np.random.default_rng(1).integers(2, size=23)

#: A schedule, and its rates from the definition for a learning rate of 0.5, 7 steps per epoch and 30 steps in total.
FORMULAS = {
    "constant": (Constant(), lambda t: 0.5),
    "inverse scaling": (InverseScaling(power=0.7), lambda t: 0.5 / (t + 1) ** 0.7),
    "decay every 4 steps": (StepDecay(0.1, steps=4), lambda t: 0.5 * 0.1 ** (t // 4)),
    "decay every 2 epochs": (StepDecay(0.1, epochs=2), lambda t: 0.5 * 0.1 ** (t // 14)),
    "exponential in steps": (ExponentialDecay(0.9, steps=1), lambda t: 0.5 * 0.9**t),
    "exponential in epochs": (ExponentialDecay(0.9, epochs=1), lambda t: 0.5 * 0.9 ** (t / 7)),
    "cosine": (Cosine(), lambda t: 0.25 * (1 + math.cos(math.pi * t / 30))),
    "cosine after a warm-up": (
        Cosine(final_rate=0.1, warmup_steps=6),
        lambda t: 0.5 * (t + 1) / 6 if t < 6 else 0.1 + 0.2 * (1 + math.cos(math.pi * (t - 6) / 24)),
    ),
    "one cycle along lines": (
        OneCycle(0.5, "linear", 5, 10, cycle_momentum=False),  # 0.1 up to 0.5 in step 14, down to 0.01 in step 29
        lambda t: 0.1 + 0.4 * t / 14 if t <= 14 else 0.5 - 0.49 * (t - 14) / 15,
    ),
    "four cycles": (LogCosine(), lambda t: 0.25 * (1 - math.cos(2 * math.pi * math.log2(1 + 15 * t / 30)))),
    "one cycle, longer and longer": (
        LogCosine(1),
        lambda t: 0.25 * (1 - math.cos(2 * math.pi * math.log2(1 + t / 30))),
    ),
    "flat, then cosine": (FlatCosine(), lambda t: 0.5 if t <= 15 else 0.25 * (1 + math.cos(math.pi * (t - 15) / 15))),
    "flat for a fifth": (FlatCosine(0.2), lambda t: 0.5 if t <= 6 else 0.25 * (1 + math.cos(math.pi * (t - 6) / 24))),
    "cosine from the start": (FlatCosine(0.0), lambda t: 0.25 * (1 + math.cos(math.pi * t / 30))),
    "function": (find_schedule(lambda t: 1 / (2 + t)), lambda t: 1 / (2 + t)),
}


@pytest.mark.parametrize("name", FORMULAS)
def test_rates_are_those_of_the_definition_however_they_are_asked_for(name):
    schedule, rate = FORMULAS[name]
    course = schedule.begin(0.5, 7, 30)
    rates, _ = course.rates(0, 30)
    np.testing.assert_allclose(rates, [rate(t) for t in range(30)], rtol=1e-12)
    pieces = [course.rates(first, 4)[0] for first in range(0, 30, 4)]
    assert np.concatenate(pieces)[:30].tolist() == rates.tolist()


def test_a_warm_up_may_be_a_share_of_all_steps():
    by_share, by_steps = (schedule.rates(0.5, 0, 30, 7, 30)[0] for schedule in (Cosine(0, 0, 0.2), Cosine(0, 6)))
    assert by_share.tolist() == by_steps.tolist()


def test_the_momentum_is_lowest_where_the_rate_is_highest():
    for schedule in (OneCycle(), OneCycle(three_phases=True), OneCycle(anneal="linear")):
        rates, momenta = schedule.rates(0.5, 0, 100, 10, 100)
        assert rates.argmax() == momenta.argmin() == 29
        ends = [(rates[step], momenta[step]) for step in (0, 29, 99)]
        np.testing.assert_allclose(ends, [(0.02, 0.95), (0.5, 0.85), (2e-6, 0.95)])


@pytest.mark.parametrize("rising_share", [0, 0.1, 0.5, 1])
@pytest.mark.parametrize("total", [1, 2, 3, 10])
def test_a_cycle_of_few_steps_stays_between_its_ends(rising_share, total):
    rates, momenta = OneCycle(rising_share).rates(0.5, 0, total, 1, total)
    assert np.all((rates >= 2e-6 * (1 - 1e-9)) & (rates <= 0.5))
    assert np.all((momenta >= 0.85) & (momenta <= 0.95))


def test_without_momentum_in_the_cycle_the_optimizer_keeps_its_own():
    assert OneCycle(cycle_momentum=False).rates(0.5, 0, 3, 1, 3)[1] is None
    assert not OneCycle(cycle_momentum=False).changes_momentum


def test_cycles_begin_and_end_at_0_and_each_is_twice_as_long():
    rates = LogCosine(4).rates(1.0, 0, 1501, 10, 1500)[0]
    np.testing.assert_allclose(rates[[0, 100, 300, 700, 1500]], 0, atol=1e-12)
    peaks = [step for step in range(1, 1500) if rates[step] > max(rates[step - 1], rates[step + 1])]
    assert len(peaks) == 4
    np.testing.assert_allclose(rates[peaks], 1, atol=1e-3)


# Plateaus


def rates_of(schedule, losses, validation_losses=None):
    """The rate after each epoch."""
    course, rates = schedule.begin(1.0, 1, len(losses)), []
    for epoch, loss in enumerate(losses):
        course.end_epoch(loss, None if validation_losses is None else validation_losses[epoch])
        rates.append(course.rates(epoch + 1, 1)[0].item())
    return rates


def test_the_rate_falls_when_the_loss_has_not_for_longer_than_the_patience():
    losses = [3, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1]
    assert rates_of(ReduceOnPlateau(0.5, patience=2), losses) == [1, 1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.25]


def test_a_loss_that_is_smaller_by_less_than_the_threshold_is_not_smaller():
    losses = [2, 1.9, 1.8, 1.7]
    assert rates_of(ReduceOnPlateau(0.5, patience=0, threshold=0.2), losses) == [1, 0.5, 0.25, 0.125]
    assert rates_of(ReduceOnPlateau(0.5, patience=0, threshold=0.15, relative=False), losses) == [1, 0.5, 0.5, 0.25]


def test_epochs_of_cooling_are_not_counted():
    assert rates_of(ReduceOnPlateau(0.5, patience=0, cooldown=2), [1] * 6) == [1, 0.5, 0.5, 0.5, 0.25, 0.25]


def test_the_rate_does_not_fall_below_the_lowest_nor_by_next_to_nothing():
    assert rates_of(ReduceOnPlateau(0.5, patience=0, lowest_rate=0.4), [1] * 4) == [1, 0.5, 0.4, 0.4]
    assert rates_of(ReduceOnPlateau(0.1, patience=0), [1] * 12)[-1] == pytest.approx(1e-8)


def test_the_validation_loss_is_watched_where_there_is_one_unless_the_training_loss_is_wanted():
    falling, flat = [4, 3, 2, 1], [1] * 4
    schedule = ReduceOnPlateau(0.5, patience=0)
    assert rates_of(schedule, falling, flat) == rates_of(schedule, flat) == [1, 0.5, 0.25, 0.125]
    assert rates_of(schedule, flat, falling) == rates_of(schedule, falling) == [1] * 4
    assert rates_of(ReduceOnPlateau(0.5, patience=0, monitor="loss"), falling, flat) == [1] * 4


# Invalid schedules

BAD_SCHEDULES = {
    "negative power": (lambda: InverseScaling(-1), ValueError, "power must be at least 0 and finite, got -1"),
    "power that is no number": (lambda: InverseScaling("half"), TypeError, "power must be a number, got 'half'"),
    "factor above 1": (lambda: StepDecay(1.1, steps=1), ValueError, "factor must be at most 1, .*, got 1.1"),
    "factor of 0": (lambda: ExponentialDecay(0, steps=1), ValueError, "factor must be positive and finite, got 0"),
    "no period": (
        lambda: StepDecay(0.1),
        ValueError,
        "StepDecay needs either steps or epochs, got steps=None, epochs=None",
    ),
    "two periods": (
        lambda: ExponentialDecay(0.1, steps=2, epochs=1),
        ValueError,
        "either steps or epochs, got steps=2, epochs=1",
    ),
    "part of an epoch": (lambda: StepDecay(0.1, epochs=0.5), TypeError, "epochs must be a positive integer, got 0.5"),
    "period of no steps": (lambda: StepDecay(0.1, steps=0), ValueError, "steps must be a positive integer, got 0"),
    "negative final rate": (lambda: Cosine(-0.1), ValueError, "final_rate must be at least 0 and finite, got -0.1"),
    "part of a step": (
        lambda: Cosine(warmup_steps=0.5),
        TypeError,
        "warmup_steps must be a positive integer, got 0.5",
    ),
    "warm-up all the way": (lambda: Cosine(warmup_share=1.0), ValueError, "warmup_share must be below 1, got 1.0"),
    "two warm-ups": (lambda: Cosine(0, 3, 0.1), ValueError, "warmup_steps or warmup_share, got both: 3 and 0.1"),
    "no cycle": (lambda: LogCosine(0), ValueError, "n_cycles must be a positive integer, got 0"),
    "part of a cycle": (lambda: LogCosine(1.5), TypeError, "n_cycles must be a positive integer, got 1.5"),
    "flat all the way": (lambda: FlatCosine(1), ValueError, "flat_share must be below 1, got 1"),
    "negative flat part": (lambda: FlatCosine(-0.1), ValueError, "flat_share must be at least 0 and finite, got -0.1"),
    "rise of more than all": (lambda: OneCycle(1.2), ValueError, "rising_share must be at most 1, got 1.2"),
    "three phases that do not fit": (
        lambda: OneCycle(0.6, three_phases=True),
        ValueError,
        "rising_share must be at most 0.5 with three phases, got 0.6",
    ),
    "annealing": (lambda: OneCycle(anneal="cos"), ValueError, "anneal must be 'cosine' or 'linear', got 'cos'"),
    "divisor of 0": (lambda: OneCycle(initial_divisor=0), ValueError, "initial_divisor must be positive.*got 0"),
    "last divisor": (lambda: OneCycle(final_divisor=np.inf), ValueError, "final_divisor must be positive.*got inf"),
    "momentum of 1": (lambda: OneCycle(highest_momentum=1), ValueError, "highest_momentum must be below 1, got 1"),
    "flag": (lambda: OneCycle(three_phases=3), TypeError, "three_phases must be True or False, got 3"),
    "factor of 1": (lambda: ReduceOnPlateau(1), ValueError, "factor must be below 1, or the rate is never.*, got 1"),
    "negative patience": (lambda: ReduceOnPlateau(patience=-1), ValueError, "patience must be .* integer, got -1"),
    "part of an epoch's patience": (lambda: ReduceOnPlateau(patience=0.5), TypeError, "patience must be.*got 0.5"),
    "threshold": (lambda: ReduceOnPlateau(threshold=1), ValueError, "relative threshold must be below 1, got 1"),
    "lowest rate": (lambda: ReduceOnPlateau(lowest_rate=np.nan), ValueError, "lowest_rate must be .*got nan"),
    "monitor": (
        lambda: ReduceOnPlateau(monitor="accuracy"),
        ValueError,
        "monitor must be 'loss' or 'validation_loss', got 'accuracy'",
    ),
}


@pytest.mark.parametrize("fault", BAD_SCHEDULES)
def test_bad_options_are_refused(fault):
    make, error, message = BAD_SCHEDULES[fault]
    with pytest.raises(error, match=message):
        make()


MOMENTUM = fastnn.SGD(0.1, momentum=0.9)
CHANGES_MOMENTUM = (
    r"changes the momentum, and this {} has none: choose an optimizer with momentum, or cycle_momentum=False\."
)
REFUSED_BY_FIT = {
    "name": (MOMENTUM, "cosine", TypeError, r"schedule must be a schedule such as .*Cosine\(\), .*, got 'cosine'"),
    "class": (MOMENTUM, Cosine, TypeError, "schedule must be a schedule such as.*got <class"),
    "plain SGD": (fastnn.SGD(), OneCycle(), ValueError, "OneCycle " + CHANGES_MOMENTUM.format("SGD")),
    "Adagrad": (fastnn.Adagrad(), OneCycle(), ValueError, "OneCycle " + CHANGES_MOMENTUM.format("Adagrad")),
    "plain RMSprop": (fastnn.RMSprop(), OneCycle(), ValueError, "OneCycle " + CHANGES_MOMENTUM.format("RMSprop")),
    "warm-up without end": (
        MOMENTUM,
        Cosine(warmup_steps=10),
        ValueError,
        "warmup_steps must be below the 10 steps of this fit, got 10",
    ),
    "no validation data": (
        MOMENTUM,
        ReduceOnPlateau(monitor="validation_loss"),
        ValueError,
        "ReduceOnPlateau monitors the validation loss: fit needs validation_data",
    ),
    "nan": (MOMENTUM, lambda t: np.nan if t == 7 else 0.1, ValueError, "at least 0 and finite, got nan for step 7"),
    "infinite": (MOMENTUM, lambda t: np.inf, ValueError, "at least 0 and finite, got inf for step 0"),
    "negative": (MOMENTUM, lambda t: 0.2 - 0.1 * t, ValueError, r"at least 0 and finite, got -0\.1.* for step 3"),
    "nothing": (MOMENTUM, lambda t: None, TypeError, "return a number for every step, got None for step 0"),
    "truth": (MOMENTUM, lambda t: True, TypeError, "return a number for every step, got True for step 0"),
    "its own error": (MOMENTUM, lambda t: 1 / (5 - t), ZeroDivisionError, "division"),
}


def new_network(backend="numpy", **options):
    return fastnn.Network([3, 4, 2], "tanh", backend=backend, dtype="float64", seed=0, **options)


def fit(network, optimizer=MOMENTUM, **options):
    return network.fit(X, LABELS, **{"optimizer": optimizer, "epochs": 2, "batch_size": 5, **options})


@pytest.mark.parametrize("fault", REFUSED_BY_FIT)
def test_a_schedule_that_does_not_fit_is_refused_before_anything_is_changed(fault):
    optimizer, schedule, error, message = REFUSED_BY_FIT[fault]
    network = new_network()
    fit(network)
    state = network.optimizer_state(MOMENTUM)
    before = [network.parameters.tobytes(), state.vectors.tobytes(), state.n_steps, network.random.random(0).tobytes()]
    random_state = network.random.bit_generator.state
    with pytest.raises(error, match=message):
        fit(network, optimizer, schedule=schedule)
    assert network.random.bit_generator.state == random_state
    state = network.optimizer_state(MOMENTUM)
    assert before[:3] == [network.parameters.tobytes(), state.vectors.tobytes(), state.n_steps]


# Training


@every_backend
@pytest.mark.parametrize("name", FORMULAS)
def test_a_fit_makes_each_step_at_its_rate(name, backend):
    schedule, _ = FORMULAS[name]
    network, by_hand = new_network(backend), new_network(backend)
    fit(network, fastnn.SGD(0.5), schedule=schedule, shuffle=False, epochs=3)
    rates, _ = schedule.begin(0.5, 5, 15).rates(0, 15)
    for t, rate in enumerate(rates):
        rows = slice(t % 5 * 5, t % 5 * 5 + 5)
        by_hand.loss(X[rows], LABELS[rows])
        by_hand.backward()
        if rate > 0:
            by_hand.step(fastnn.SGD(rate))
    assert_agree(network.parameters, by_hand.parameters, 15 * tolerance("float64", 3, 4, 2, 5))


@every_backend
def test_a_schedule_begins_anew_with_each_fit_and_the_optimizer_does_not(backend):
    network, called = new_network(backend), []

    def rate(step):
        called.append(step)
        return 0.1

    fit(network, schedule=rate)
    fit(network, schedule=rate)
    assert called == [*range(10), *range(10)]  # each once, by two epochs of five batches
    assert network.optimizer_state(MOMENTUM).n_steps == 20


@every_backend
def test_a_history_has_the_rate_of_the_last_step_of_each_epoch(backend):
    assert fit(new_network(backend), schedule=lambda t: t).learning_rate == [4, 9]
    assert fit(new_network(backend)).learning_rate == [0.1, 0.1]
    assert fit(new_network(backend), schedule=lambda t: t, batch_size=None, epochs=20).learning_rate == [*range(20)]


@every_backend
@pytest.mark.parametrize(
    ("optimizer", "schedule"),
    [
        (fastnn.SGD(0.1, momentum=0.9, nesterov=True), OneCycle()),
        (fastnn.Adam(0.01), OneCycle()),
        (fastnn.Adam(0.01), lambda t: 0.01 / (t + 1)),
        (fastnn.RMSprop(0.01, momentum=0.5), Cosine(warmup_share=0.2)),
    ],
)
def test_epochs_of_one_batch_trained_several_in_a_call_are_the_same(optimizer, schedule, backend, monkeypatch):
    results = []
    for seconds in (0, 1e9):  # one by one; or 1, 8, 21
        monkeypatch.setattr(descent, "SECONDS_PER_CHUNK", seconds)
        network = new_network(backend)
        history = fit(network, optimizer, schedule=schedule, epochs=30, batch_size=None)
        state = network.optimizer_state(optimizer)
        assert state.n_steps == 30
        results.append((history.loss, history.learning_rate, network.parameters.tobytes(), state.vectors.tobytes()))
    assert results[0] == results[1]


@every_backend
def test_how_an_epoch_is_cut_into_chunks_makes_no_difference(backend, monkeypatch):
    results = []
    for seconds in (0, 1e9):
        monkeypatch.setattr(descent, "SECONDS_PER_CHUNK", seconds)
        network = new_network(backend)
        history = fit(network, schedule=OneCycle(), batch_size=1)
        results.append((history.loss, history.learning_rate, network.parameters.tobytes()))
    assert results[0] == results[1]


@every_backend
def test_a_rate_of_zero_trains_nothing(backend):
    network = new_network(backend)
    before = network.parameters.tobytes()
    fit(network, fastnn.AdamW(l2=0.1), schedule=lambda t: 0)
    assert network.parameters.tobytes() == before


@every_backend
@pytest.mark.parametrize("validated", [False, True])
@pytest.mark.parametrize("batch_size", [5, None])
def test_on_a_plateau_the_rate_of_the_next_epoch_falls(batch_size, validated, backend, monkeypatch):
    monkeypatch.setattr(descent, "SECONDS_PER_CHUNK", 1e9)
    schedule, held_out = ReduceOnPlateau(0.5, patience=1, threshold=0.3), (X[::-1], 1 - LABELS)
    data = {"validation_data": held_out} if validated else {}
    history = fit(new_network(backend), schedule=schedule, epochs=12, batch_size=batch_size, **data)
    course, rates = schedule.begin(0.1, 1, 1), []
    for epoch in range(12):
        rates.append(course.rates(0, 1)[0].item())
        course.end_epoch(history.loss[epoch], history.validation_loss[epoch] if validated else None)
    assert history.learning_rate == rates
    assert rates[-1] < 0.05


def test_a_validation_loss_that_falls_in_every_epoch_keeps_the_rate():
    schedule, optimizer = ReduceOnPlateau(0.5, patience=0, threshold=0.0), fastnn.SGD(0.1)
    data = {"validation_data": (X, LABELS), "batch_size": None, "epochs": 6}
    history = fit(new_network(), optimizer, schedule=schedule, **data)
    assert (np.diff(history.validation_loss) < 0).all()
    assert history.learning_rate == [0.1] * 6


def test_a_divergence_names_the_rate_of_the_schedule():
    with pytest.raises(fastnn.DivergenceError, match=r"Try a smaller learning rate \(it is 1e\+308\)"):
        fit(new_network(), schedule=lambda t: 1e308)


def test_a_schedule_of_ones_own_is_a_class():
    class Halving(Schedule):
        def rates(self, learning_rate, first_step, n_steps, steps_per_epoch, total_steps):
            return learning_rate / 2.0 ** np.arange(first_step, first_step + n_steps), None

    assert fit(new_network(), schedule=Halving()).learning_rate == [0.1 / 2**4, 0.1 / 2**9]


@pytest.mark.parametrize("name", [name for name in FORMULAS if name != "function"])
def test_schedules_are_values(name):
    schedule, _ = FORMULAS[name]
    assert pickle.loads(pickle.dumps(schedule)) == schedule
    assert hash(schedule) == hash(pickle.loads(pickle.dumps(schedule)))
    with pytest.raises(AttributeError):
        schedule.factor = 2
