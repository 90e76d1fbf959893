"""`Network`: a feed-forward network that can be trained."""

from collections.abc import Iterable, Sequence
from typing import Any, Unpack

from fastnn.data_initialization import initialize_from_data
from fastnn.feed_forward import FeedForward
from fastnn.optimizers import Optimizer, find_descent
from fastnn.portable import Portable, found
from fastnn.training.callbacks import Callback
from fastnn.training.fit import fit
from fastnn.training.history import History
from fastnn.training.options import FitKeywords, FitOptions, shows_options
from fastnn.training.progress import Progress
from fastnn.training.state import OptimizerState, optimizer_state, take_step
from fastnn.training.streaming import fit_batches


class Network(Portable, FeedForward):
    """A feed-forward network: A_0 = X, Z_l = A_{l-1} W_l + b_l, A_l = f_l(Z_l) for l = 1 ... L.

    Samples are rows: X is (n_samples, n_0), W_l is (n_{l-1}, n_l), b_l is (n_l,). X may always be a SciPy sparse matrix or
    array; Z_1 and dW_1 are then sums over its non-zero entries.

    The optimizer state, such as the velocity, belongs to this object. Copies, pickles and loaded networks do not include
    it, so training them further starts from a zero state. Copies and pickles do include the state of the random number
    generator; `fastnn.load` takes a new `seed`.

    Parameters
    ----------
    layer_sizes : sequence of int
        Units per layer, inputs first: ``[784, 128, 10]``.
    activations : str or sequence of str, default "relu"
        One name for all hidden layers (the output layer then gets the activation matched to the loss), or one name per
        layer, including the output layer. Names are the keys of `fastnn.activations.ACTIVATIONS`.
    loss : str or Loss, default "softmax_cross_entropy"
        A key of `fastnn.losses.LOSSES`, or a loss with options such as ``fastnn.losses.Huber(delta=2.0)``.
    parametric : bool or sequence of bool, default False
        Whether activations of hidden layers are parametric, a = z + alpha (f(z) - z) with a learned alpha per unit, which
        starts at 1. One value for all hidden layers, or one per layer.
    embeddings : sequence of PeriodicEmbedding and CategoryEmbedding, optional
        Embeddings of columns of X, for tables; each column can have one. X must then be dense.
    input_scaling : bool, default False
        Whether each input of the first layer has a learned factor, which starts at 1. X must then be dense.
    parametrization : {"standard", "ntk"}, default "standard"
        With "ntk", optimizers work on V_l = sqrt(n_{l-1}) W_l instead of W_l, so that one learning rate suits layers of all
        widths (Jacot, Gabriel, Hongler (2018), Neural Tangent Kernel, section 2). `weights` and `gradient`, which an
        optimizer may clip, remain those of W_l.
    backend : {"numba", "numpy"}, default "numba"
        Compiled kernels, or the NumPy reference.
    dtype : {"float32", "float64"}, default "float32"
        Data type of the parameters and of all arithmetic.
    normalization : {"batch", "layer"} or sequence of them, optional
        Normalisation of the hidden layers before their activation, y = gamma (z - mean) / sqrt(variance + 10^-5) + beta.
        "batch" normalises each unit over the batch, which needs at least two samples, and uses running statistics at
        inference; "layer" normalises each sample over the units. One value for all hidden layers, or one per layer. With
        batch normalisation, `fit` adds a single left-over sample to the previous batch.
    dropout : float or sequence of float, default 0.0
        Fraction of a hidden layer's outputs that are dropped in training, at least 0 and below 1; the others are scaled
        up. One value for all hidden layers, or one per layer. `forward`, `predict` and `evaluate` drop nothing; `loss`
        applies the mask of the next update.
    initializer : str, default "he_normal"
        A key of `fastnn.initializers.INITIALIZERS`; biases start at 0.
    seed : int, optional
        Seed of the initial weights and of the order of samples in `fit`. The same seed gives the same random numbers on
        both backends.
    n_threads : int, optional
        Maximum number of threads; by default ``OMP_NUM_THREADS``, or all processors available to the process, which is
        also the upper limit. Every method that computes accepts `n_threads` for a single call. The compiled backend gives
        the same results with any number of threads.

    Attributes
    ----------
    parameters, gradient : ndarray of shape (n_parameters,)
        All parameters, and the gradient computed by `backward`: W_1, b_1, W_2, b_2, ... in row-major order, with gamma_l
        and beta_l after b_l in normalised layers. Writing to ``parameters[:]`` changes the network.
    weights, weight_gradients : tuple of ndarray of shape (n_{l-1}, n_l)
        Views of `parameters` and `gradient`.
    biases, bias_gradients : tuple of ndarray of shape (n_l,)
        Views of `parameters` and `gradient`.
    slopes : tuple of ndarray of shape (n_l,)
        alpha of parametric activations, views of `parameters`; empty for other layers.
    input_scales : ndarray of shape (n_0,)
        The factors of the inputs; empty without `input_scaling`.
    embeddings : tuple of ndarray
        The parameters of each embedding: E, of shape (n_codes, size), or one row w, b, V, c per column.
    scales, shifts : tuple of ndarray of shape (n_l,)
        gamma and beta, views of `parameters`; empty for layers without normalisation. Like biases, they are penalised and
        decayed only if the optimizer's `penalize_biases` is True.
    statistics : ndarray
        Running means and variances for batch normalisation. `loss` and `fit` move them a tenth of the way towards those
        of each batch.
    n_updates : int
        Number of parameter updates so far, by `fit`, `fit_batches` and `step`.
    architecture : Architecture
        Layer sizes, activations and loss.

    Raises
    ------
    ValueError, TypeError
        If a size, name or option is invalid.

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
            Samples. float32, float64 and uint8 arrays are never copied as a whole. A SciPy sparse matrix or array is
            converted once to CSR format and the dtype of the network, if needed, and never made dense.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets, as in `loss`.
        sample_weight : array-like of shape (n_samples,), optional
            Weight of each sample, as in `loss`: each batch follows the gradient of its own weighted mean. A batch whose
            weights are all 0 has no gradient, so only penalties and momentum change the parameters.
        optimizer : Optimizer, LBFGS or str, optional
            An optimizer, or its name, such as "sgd", for the default options; by default ``Adam()``. Its state carries on
            from the last call with an equal optimizer; it starts at 0 in a network that was copied, unpickled or loaded.
        schedule : Schedule or callable, optional
            The learning-rate schedule: one from `fastnn.schedules`, or a function that takes the number of a step and
            returns its rate. Steps are parameter updates, counted from 0 at the start of this call; `Cosine` and
            `OneCycle` also depend on their total number, and so on `epochs`. By default the rate is constant.
        weight_decay_schedule, dropout_schedule : Schedule or callable, optional
            Factors from 0 to 1 of weight decay and of dropout rates, such as ``fastnn.schedules.FlatCosine()``; by default
            always 1.
        epochs : int, default 100
            Passes over the data.
        batch_size : int or None, default 32
            Samples per mini-batch; the last one of an epoch may be smaller. None uses all samples at once.
        shuffle : bool, default True
            Whether each epoch visits the samples in a new random order.
        drop_last : bool, default False
            Whether to leave out the last mini-batch of an epoch if it is smaller than the others.
        validation_data : (X, y) or (X, y, sample_weight), optional
            Data on which the loss (and accuracy, for classes) is measured after every epoch.
        validation_fraction : float, optional
            Fraction of the samples to hold out as validation data instead, drawn at random and stratified by class. The
            rest is used for training, and is not copied.
        callbacks : sequence of Callback, optional
            Called between epochs: `EarlyStopping`, `Checkpoint`, or your own.
        progress : bool or callable, optional
            True shows a progress bar, False none; by default one is shown if the standard error stream is a terminal. A
            function is called several times a second with the fraction of the work done, 0 to 1, and the history so far.
        resume_from : str or path-like, optional
            File of a `Checkpoint` to resume from. Training continues as if it had never been interrupted; on the same
            backend, the results are identical to the last bit. Network, data (X by some of its rows) and other arguments
            must match those of the original training. `epochs` is the total, and may differ: a schedule that depends on
            the number of steps, such as `Cosine` or `OneCycle`, is then that of a training of the new length, so the rate
            jumps from the old curve to the new. A training that was ended by a callback stays ended.
        n_threads : int, optional
            Maximum number of threads; by default the network's.

        Returns
        -------
        History
            Mean training loss per epoch, and more.

        Raises
        ------
        DivergenceError
            If the loss becomes NaN or infinite; the parameters are those from before that epoch.
        ValueError, OSError
            If `resume_from` is not a checkpoint of the same training, or a file cannot be read or written.
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
        """Train on a stream of batches, such as a generator that reads files: one update per batch.

        Exceptions of the stream reach the caller; the network has then been trained on all batches before.

        Parameters
        ----------
        batches : iterable of (X, y) or (X, y, sample_weight)
            Batches of any size, each as in `loss`.
        optimizer : Optimizer or str, optional
            As in `fit`, except `LBFGS`. Its state and step count carry on from call to call, also between this method and
            `fit`.
        scaler : object, optional
            Standardises the features of each batch to mean 0 and variance 1, such as scikit-learn's ``StandardScaler()``
            or `fastnn.scaling.ColumnScaler`: `partial_fit` sees the batch, then `transform` scales it by mean and variance
            over all batches so far. Apply the scaler before `predict`, and pass it again to train further.
        callbacks : sequence of Callback, optional
            Called after every batch, as by `fit` after an epoch. There are no validation data to monitor, and a stream
            cannot be resumed from a `Checkpoint`.
        progress : bool or callable, optional
            As in `fit`; the fraction is NaN if ``len(batches)`` is unknown.
        n_threads : int, optional
            Maximum number of threads; by default the network's.

        Returns
        -------
        History
            One loss per batch, measured just before its update. Its seconds exclude the time spent in the stream.

        Raises
        ------
        DivergenceError
            If the loss becomes NaN or infinite; parameters and scaler are those from before that batch.
        """
        options = FitOptions(callbacks=callbacks, progress=progress, n_threads=n_threads)
        return fit_batches(self, batches, scaler, find_descent(optimizer), options)

    def initialize_from_data(self, X: Any, *, weights: bool = True, biases: bool = True) -> None:
        """Draw weights and biases anew from the distribution of each layer's inputs on X.

        Afterwards every pre-activation without its bias has standard deviation 1 over the samples, and each hyperplane
        z = 0 passes among them; see `fastnn.data_initialization` for the equations and their source.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples; of more than 4,096, as many at random are used.
        weights, biases : bool, default True
            Whether to draw weights and biases; otherwise they stay as they are.
        """
        initialize_from_data(self, X, weights=weights, biases=biases)

    def step(self, optimizer: Optimizer | str) -> None:
        """Update the parameters once with an optimizer, from the gradient computed by `backward`."""
        take_step(self, find_descent(optimizer))

    def optimizer_state(self, optimizer: Optimizer) -> OptimizerState:
        """The optimizer state, such as its velocity; all zero unless the last optimizer was equal to this one."""
        return optimizer_state(self, optimizer)

    def forget_optimizer(self) -> None:
        """Reset the optimizer state, so that the next optimizer starts from zero even if it is equal to the last."""
        self._optimizer_state = None

    def to_torch(self, *, logits: bool = False) -> Any:
        """A stack of PyTorch modules that computes the same; see `fastnn.conversion.to_torch`."""
        return found("conversion", "to_torch")(self, logits=logits)
