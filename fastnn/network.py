"""`Network`: a feed-forward network that can be trained."""

from collections.abc import Iterable, Sequence
from typing import Any, Unpack

from fastnn.feed_forward import FeedForward
from fastnn.optimizers import Optimizer, find_descent
from fastnn.training.callbacks import Callback
from fastnn.training.fit import fit
from fastnn.training.history import History
from fastnn.training.options import FitKeywords, FitOptions, shows_options
from fastnn.training.progress import Progress
from fastnn.training.state import OptimizerState, optimizer_state, take_step
from fastnn.training.streaming import fit_batches


class Network(FeedForward):
    """A feed-forward network: A_0 = X, Z_l = A_{l-1} W_l + b_l, A_l = f_l(Z_l) for l = 1 ... L.

    Samples are rows: X is (n_samples, n_0), W_l is (n_{l-1}, n_l), b_l is (n_l,). Wherever X is taken, it may be a sparse
    matrix or array of SciPy's: Z_1 and dW_1 are then sums over its non-zero entries.

    What an optimizer keeps for the parameters, such as its momentum, belongs to this object: copies, pickles and loaded
    networks come without, so that training them further begins with a state of 0. Copies and pickles do carry the state
    of the random numbers; `fastnn.load` takes a new `seed`.

    Parameters
    ----------
    layer_sizes : sequence of int
        Units per layer, inputs first: ``[784, 128, 10]``.
    activations : str or sequence of str, default "relu"
        One name for all hidden layers (the output layer then gets the activation its loss is matched with), or one
        name per layer, output included. Names are the keys of `fastnn.activations.ACTIVATIONS`.
    loss : str or Loss, default "softmax_cross_entropy"
        A key of `fastnn.losses.LOSSES`, or a loss with options such as ``fastnn.losses.Huber(delta=2.0)``.
    backend : {"numba", "numpy"}, default "numba"
        Compiled kernels, or the reference.
    dtype : {"float32", "float64"}, default "float32"
        Type of the parameters and of all arithmetic.
    normalization : {"batch", "layer"} or sequence of them, optional
        How the hidden layers are normalised before their activation, y = gamma (z - mean) / sqrt(variance + 10^-5) + beta:
        each unit over a batch, which then needs two samples, and by running statistics at inference; or each sample over
        the units. One for all, or one for each. Under batch normalisation, `fit` lets a single sample that is left over
        join the batch before.
    dropout : float or sequence of float, default 0.0
        Share of the outputs of a hidden layer that training drops, at least 0 and below 1; the others are scaled up. One
        for all, or one for each. `forward`, `predict` and `evaluate` drop nothing; `loss` drops what the next update
        drops.
    initializer : str, default "he_normal"
        A key of `fastnn.initializers.INITIALIZERS`; biases start at 0.
    seed : int, optional
        Seed of the initial weights and of the order of samples in `fit`. The same seed gives the same numbers on both
        backends.
    n_threads : int, optional
        Threads to compute with at most; by default ``OMP_NUM_THREADS`` or all processors that the process may use, and
        never more than these. Every method that computes takes another number for one call. Results of the compiled
        backend are the same for any number.

    Attributes
    ----------
    parameters, gradient : ndarray of shape (n_parameters,)
        All parameters, and the gradient that `backward` fills: W_1, b_1, W_2, b_2, ... row by row, with gamma_l and
        beta_l after the b_l of a layer that is normalised. Writing to ``parameters[:]`` changes the network.
    weights, weight_gradients : tuple of ndarray of shape (n_{l-1}, n_l)
        Views of `parameters` and `gradient`.
    biases, bias_gradients : tuple of ndarray of shape (n_l,)
        Views of `parameters` and `gradient`.
    scales, shifts : tuple of ndarray of shape (n_l,)
        gamma and beta, views of `parameters`; empty where a layer is not normalised. Penalties and decay of an optimizer
        cover them, as the biases, only where its `penalize_biases` is True.
    statistics : ndarray
        Running means and variances of the layers under batch normalisation, which `loss` and `fit` move by a tenth of
        the way to those of each batch.
    n_updates : int
        Updates of the parameters so far, by `fit`, `fit_batches` and `step`.
    architecture : Architecture
        Layer sizes, activations and loss.

    Raises
    ------
    ValueError, TypeError
        If a size, a name or an option is not what it must be.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import SGD, Network
    >>> X, y = np.array([[0.0], [1.0], [2.0], [3.0]]), np.array([0, 0, 1, 1])
    >>> network = Network([1, 8, 2], backend="numpy", dtype="float64", seed=0)
    >>> history = network.fit(X, y, optimizer=SGD(learning_rate=0.5), epochs=200, batch_size=4)
    >>> network.predict(X).tolist()
    [0, 0, 1, 1]
    """

    @shows_options
    def fit(self, X: Any, y: Any, sample_weight: Any = None, **options: Unpack[FitKeywords]) -> History:
        """Train by mini-batch gradient descent.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Samples. float32, float64 and uint8 arrays are never copied as a whole. A sparse matrix or array of SciPy's is
            converted once to the format CSR and the type of the network, unless it has them, and never made dense.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets, as in `loss`.
        sample_weight : array-like of shape (n_samples,), optional
            How much each sample counts, as in `loss`: each batch follows the gradient of its own weighted mean. A batch in
            which all weights are 0 has none, and only the penalties and the optimizer's momentum move the parameters.
        optimizer : Optimizer, LBFGS or str, optional
            An optimizer, or the name of one with its options by default, such as "sgd"; by default ``Adam()``. What it
            keeps is taken up where the last call with an equal optimizer left it; it starts at 0 in a network that was
            copied, unpickled or loaded.
        schedule : Schedule or callable, optional
            How the learning rate changes from step to step, a member of `fastnn.schedules`, or a function that takes
            the number of a step and returns its rate. Steps are updates of the parameters, counted from 0 at the start of
            this call; `Cosine` and `OneCycle` also depend on how many there will be, and so on `epochs`. By default the
            rate stays the optimizer's.
        epochs : int, default 100
            Passes over the data.
        batch_size : int or None, default 32
            Samples per update; the last batch may be shorter and is used. None takes all samples at once.
        shuffle : bool, default True
            Whether each epoch visits the samples in a new random order.
        validation_data : (X, y) or (X, y, sample_weight), optional
            Data on which loss (and accuracy, for classes) are measured after every epoch.
        validation_fraction : float, optional
            Share of the samples to hold out as validation data instead, drawn by the network's random numbers, from each
            class as many as it has of all. The rest is trained on, and is not copied.
        callbacks : sequence of Callback, optional
            What to do between epochs: `EarlyStopping`, `Checkpoint`, or your own.
        progress : bool or callable, optional
            True shows a progress bar, False none; by default there is one where the standard error stream is a terminal.
            A function is called with the share of the work done, 0 to 1, and the history so far, several times a second.
        resume_from : str or path-like, optional
            File of a `Checkpoint` with which to go on, as if the training that wrote it had not been interrupted: on the
            same backend, every bit will be the same. Network, data (X by some of its rows) and other arguments are checked
            to be those of that training; `epochs` counts all of them, and may be another number. Of a schedule that
            depends on the number of steps, such as `Cosine` or `OneCycle`, the steps to come are then those of a training
            of the new length, at their places in it: the rate jumps from the old curve to the new. A training that a
            callback had ended stays ended.
        n_threads : int, optional
            Threads to compute with at most; by default the network's.

        Returns
        -------
        History
            Mean training loss per epoch, and more.

        Raises
        ------
        DivergenceError
            If the loss becomes NaN or infinite; the parameters are those from before that epoch.
        ValueError, OSError
            If `resume_from` is no checkpoint of such a training, or a file cannot be read or written.
        """
        return fit(self, (X, y, sample_weight), FitOptions.of(dict(options)))

    def fit_batches(
        self,
        batches: Iterable[tuple[Any, ...]],
        *,
        optimizer: Optimizer | str | None = None,
        scaler: Any = None,
        callbacks: Callback | Sequence[Callback] | None = (),
        progress: Progress = None,
        n_threads: int | None = None,
    ) -> History:
        """Train on a stream of batches, such as a generator that reads files: one update for each.

        Whatever the stream raises goes on to the caller, the network trained on all batches before.

        Parameters
        ----------
        batches : iterable of (X, y) or (X, y, sample_weight)
            Batches of any size, each as in `loss`.
        optimizer : Optimizer or str, optional
            As in `fit`, but for `LBFGS`; what it keeps and its steps are carried on from call to call, and between this
            and `fit`.
        scaler : object, optional
            What brings the features of each batch to mean 0 and variance 1, such as ``StandardScaler()`` of scikit-learn or
            `fastnn.scaling.ColumnScaler`: its `partial_fit` sees the batch, and its `transform` scales it, by mean and
            variance over all batches so far. Apply it before `predict`, and pass it again to go on.
        callbacks : sequence of Callback, optional
            Called after every batch as `fit` does after an epoch. There are no validation data to monitor, and a stream
            cannot be resumed from a `Checkpoint`.
        progress : bool or callable, optional
            As in `fit`; the share is NaN where ``len(batches)`` is unknown.
        n_threads : int, optional
            Threads to compute with at most; by default the network's.

        Returns
        -------
        History
            One loss per batch, measured just before its update. Seconds leave out those that the stream took.

        Raises
        ------
        DivergenceError
            If the loss becomes NaN or infinite; the parameters are those from before that batch, and so is the scaler.
        """
        options = FitOptions(callbacks=callbacks, progress=progress, n_threads=n_threads)
        return fit_batches(self, batches, scaler, find_descent(optimizer), options)

    def step(self, optimizer: Optimizer | str) -> None:
        """Update the parameters once by an optimizer, from the gradient that `backward` has filled."""
        take_step(self, find_descent(optimizer))

    def optimizer_state(self, optimizer: Optimizer) -> OptimizerState:
        """What an optimizer remembers of this network, such as its velocity; all zero if it is not the last one's equal."""
        return optimizer_state(self, optimizer)

    def forget_optimizer(self) -> None:
        """Let the next optimizer begin with a state of zero, even if it is equal to the last."""
        self._optimizer_state = None
