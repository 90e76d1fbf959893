"""One network of a RealMLP: its architecture, its initial parameters, and its training."""

import warnings
from copy import deepcopy
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from fastnn.exceptions import DivergenceError
from fastnn.inputs import CategoryEmbedding, PeriodicEmbedding
from fastnn.losses import Loss
from fastnn.network import Network
from fastnn.realmlp.best_epoch import BestEpoch, Metric, Rows, StopAfter
from fastnn.realmlp.presets import Preset
from fastnn.schedules import FlatCosine
from fastnn.training.callbacks import Callback

#: Hyperparameters that may differ when training goes on.
_OF_TRAINING = ("n_epochs", "batch_size", "learning_rate", "weight_decay")


@dataclass(frozen=True)
class Design:
    """What all networks of an estimator have in common.

    Attributes
    ----------
    preset : Preset
        The hyperparameters.
    loss : Loss
        The loss.
    n_columns, n_numbers, n_outputs : int
        Number of encoded columns, of numbers among them, which come first, and of outputs.
    n_codes : tuple of int
        Number of codes of each category with an embedding; their columns come last.
    backend : str
        Backend of the networks.
    """

    preset: Preset
    loss: Loss
    n_columns: int
    n_numbers: int
    n_outputs: int
    n_codes: tuple[int, ...]
    backend: str

    def embeddings(self) -> list[PeriodicEmbedding | CategoryEmbedding]:
        """The embeddings of the encoded columns."""
        preset, first_code = self.preset, self.n_columns - len(self.n_codes)
        found: list[PeriodicEmbedding | CategoryEmbedding] = []
        if preset.embeds and self.n_numbers > 0:
            numbers = tuple(range(self.n_numbers))
            found.append(PeriodicEmbedding(numbers, preset.n_frequencies, preset.n_outputs, preset.deviation))
        found += [
            CategoryEmbedding(first_code + place, n_codes, preset.embedding_size)
            for place, n_codes in enumerate(self.n_codes)
        ]
        return found

    def fixed_in(self, other: "Design") -> list[str]:
        """The hyperparameters of the networks of another design that cannot become those of this one."""
        names = [field.name for field in fields(Preset) if field.name not in _OF_TRAINING]
        changed = [name for name in names if getattr(self.preset, name) != getattr(other.preset, name)]
        return changed + ["backend"] * (self.backend != other.backend)

    def network(self, seed: int) -> Network:
        """A new network with initial parameters that do not depend on the data."""
        preset = self.preset
        network = Network(
            [self.n_columns, *preset.hidden_layer_sizes, self.n_outputs],
            preset.activation,
            self.loss,
            dropout=preset.dropout,
            parametric=preset.parametric,
            embeddings=self.embeddings(),
            input_scaling=True,
            parametrization=preset.parametrization,
            backend=self.backend,
            initializer="lecun_normal",
            seed=seed,
        )
        if not preset.initializes_from_data:
            for b in network.biases[:-1]:
                b[:] = network.random.standard_normal(b.shape)
            network.weights[-1][:] = 0
        return network


class Member:
    """One network of a RealMLP.

    Parameters
    ----------
    design : Design
        Its architecture and hyperparameters.
    seed : int
        Seed of its initial parameters, of the order of its samples, and of dropout.

    Attributes
    ----------
    network : Network
        The network.
    epoch : int
        The epoch whose parameters it has.
    """

    def __init__(self, design: Design, seed: int) -> None:
        self.design, self.network, self.epoch = design, design.network(seed), 0
        self._is_new = True

    def going_on(self, design: Design) -> "Member":
        """A copy, to be trained further with the rates and numbers of another design."""
        member = deepcopy(self)
        member.design = design
        return member

    @classmethod
    def restored(cls, design: Design, network: Network, epoch: int) -> "Member":
        """A member with a trained network, such as one from a file."""
        member = cls.__new__(cls)
        member.design, member.network, member.epoch, member._is_new = design, network, epoch, False
        return member

    def fit(
        self,
        rows: Rows,
        held_out: Rows | None,
        metric: Metric,
        *,
        n_epochs: int = 0,
        **options: Any,
    ) -> "Member":
        """Train the network, and keep the parameters of the best epoch on the held-out rows, if any.

        Parameters
        ----------
        rows, held_out : Rows
            Rows to train on, and rows to choose the best epoch by; None to keep the last epoch.
        metric : function
            The value of a network on held-out rows.
        n_epochs : int, default 0
            The epoch after which to stop, in the middle of all schedules; 0 for the last one.
        **options
            Passed to `Network.fit`, such as `progress`.
        """
        preset, network = self.design.preset, self.network
        if self._is_new and preset.initializes_from_data:
            network.initialize_from_data(rows.X)
        self._is_new = False
        network.forget_optimizer()
        best = None if held_out is None else BestEpoch(held_out, metric)
        callbacks: list[Callback] = [] if best is None else [best]
        callbacks += [StopAfter(n_epochs)] if n_epochs else []
        schedule = FlatCosine()
        try:
            history = network.fit(
                rows.X,
                rows.y,
                rows.sample_weight,
                optimizer=preset.optimizer(),
                schedule=preset.schedule,
                weight_decay_schedule=schedule,
                dropout_schedule=schedule,
                epochs=preset.n_epochs,
                batch_size=min(preset.batch_size, len(rows)),
                drop_last=True,
                callbacks=callbacks,
                **options,
            )
            self.epoch = len(history)
        except DivergenceError as error:
            self._keep_the_best(best, error)
        if best is not None:
            self.epoch = best.epoch
        network.forget_optimizer()
        return self

    def _keep_the_best(self, best: BestEpoch | None, error: DivergenceError) -> None:
        """Go on with the best epoch before training diverged, if there is one."""
        reason = str(error).partition(" The parameters are")[0]  # which are not those that are kept here
        if best is None or not best.epoch:
            raise DivergenceError(f"{reason} The estimator is as it was before.") from None
        warnings.warn(f"The best epoch before, {best.epoch}, is kept. {reason}", ConvergenceWarning, stacklevel=2)

    def outputs(self, X: np.ndarray, n_threads: int | None) -> np.ndarray:
        """Probabilities of the classes, or standardised targets, for encoded rows: (n_rows, n_outputs)."""
        return self.network.forward(X, n_threads=n_threads if len(X) > 1 else None)  # a single row has one thread
