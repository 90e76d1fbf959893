"""The table of workloads: trainings of networks, to compare backends and libraries, and calls of estimators."""

import functools
from dataclasses import replace

from benchmarks.workloads import data
from benchmarks.workloads.call import Call
from benchmarks.workloads.fit import Fit
from benchmarks.workloads.many import ManyEstimators, ManyNetworks
from benchmarks.workloads.prediction import Prediction
from benchmarks.workloads.search import Search, ThreadedSearch
from benchmarks.workloads.training import Training

_PLAIN = (
    Training(
        name="digits",
        layer_sizes=(64, 128, 10),
        activations=("relu", "softmax"),
        loss="softmax_cross_entropy",
        n_samples=1797,
        batch_size=32,
        learning_rate=0.1,
        make_data=functools.partial(data.named, "digits"),
        epochs=10,
    ),
    Training(
        name="moons",
        layer_sizes=(2, 16, 32, 2),
        activations=("relu", "relu", "softmax"),
        loss="softmax_cross_entropy",
        n_samples=1000,
        batch_size=None,
        learning_rate=0.1,
        make_data=functools.partial(data.named, "moons"),
        epochs=50,
    ),
    Training(
        name="moons_sigmoid",
        layer_sizes=(2, 16, 32, 1),
        activations=("sigmoid", "sigmoid", "sigmoid"),
        loss="binary_cross_entropy",
        n_samples=1000,
        batch_size=None,
        learning_rate=1.0,
        make_data=functools.partial(data.named, "moons"),
        epochs=500,
    ),
    Training(
        name="half_planes",
        layer_sizes=(2, 8, 4, 1),
        activations=("relu", "relu", "sigmoid"),
        loss="binary_cross_entropy",
        n_samples=100_000,
        batch_size=64,
        learning_rate=0.01,
        make_data=data.half_planes,
    ),
    Training(
        name="smooth_functions",
        layer_sizes=(4, 32, 16, 4),
        activations=("tanh", "tanh", "identity"),
        loss="squared_error",
        n_samples=10_000,
        batch_size=None,
        learning_rate=0.01,
        make_data=data.smooth_functions,
        epochs=50,
    ),
    Training(
        name="mnist_128",
        layer_sizes=(784, 128, 10),
        activations=("relu", "softmax"),
        loss="softmax_cross_entropy",
        n_samples=60_000,
        batch_size=128,
        learning_rate=0.1,
        make_data=data.mnist_images,
    ),
    Training(
        name="mnist_512_512",
        layer_sizes=(784, 512, 512, 10),
        activations=("relu", "relu", "softmax"),
        loss="softmax_cross_entropy",
        n_samples=60_000,
        batch_size=128,
        learning_rate=0.1,
        make_data=data.mnist_images,
    ),
    Training(
        name="mnist_500_250_sigmoid",
        layer_sizes=(784, 500, 250, 10),
        activations=("sigmoid", "sigmoid", "softmax"),
        loss="softmax_cross_entropy",
        n_samples=60_000,
        batch_size=100,
        learning_rate=0.1,
        make_data=data.mnist_images,
        momentum=0.9,
    ),
    Training(
        name="mnist_1500_1500",
        layer_sizes=(784, 1500, 1500, 10),
        activations=("relu", "relu", "softmax"),
        loss="softmax_cross_entropy",
        n_samples=8192,
        batch_size=128,
        learning_rate=0.1,
        make_data=data.mnist_images,
    ),
    Training(
        name="table_adam",
        layer_sizes=(54, 100, 50, 7),
        activations=("relu", "relu", "softmax"),
        loss="softmax_cross_entropy",
        n_samples=50_000,
        batch_size=256,
        learning_rate=0.001,
        make_data=data.forest_like,
        adam=True,
    ),
    Training(
        name="mnist_2048_2048",
        layer_sizes=(784, 2048, 2048, 10),
        activations=("relu", "relu", "softmax"),
        loss="softmax_cross_entropy",
        n_samples=4096,
        batch_size=512,
        learning_rate=0.1,
        make_data=data.mnist_images,
    ),
)

_BY_NAME = {training.name: training for training in _PLAIN}

#: Every training of a network, at its full size.
TRAININGS: tuple[Training, ...] = (
    *_PLAIN,
    *(
        replace(_BY_NAME[name], name=f"{name}_adam", adam=True, learning_rate=learning_rate, momentum=0.0)
        for name, learning_rate in (("smooth_functions", 0.01), ("mnist_128", 0.001), ("mnist_512_512", 0.001))
    ),
)

#: No training stops before its last epoch.
_TO_THE_END = {"n_iter_no_change": 10_000}

_MNIST = Fit(
    name="mnist",
    work="3 epochs, (128,)",
    make_data=data.mnist_images,
    n_samples=60_000,
    options={"hidden_layer_sizes": (128,), "max_iter": 3, **_TO_THE_END},
    floors=(3.5, 4),
)

_HALF_PLANES = Fit(
    name="half_planes",
    work="5 epochs, (8, 4)",
    make_data=data.half_planes,
    n_samples=100_000,
    options={"hidden_layer_sizes": (8, 4), "max_iter": 5, **_TO_THE_END},
    floors=(25, 25),
)

_REGRESSION = Fit(
    name="regression",
    work="20 epochs, all defaults",
    class_name="MLPRegressor",
    make_data=data.regression,
    n_samples=10_000,
    options={"max_iter": 20},
)

_SEARCH = Search(
    name="search",
    work="GridSearchCV, 8 × 3 fits, n_jobs=1",
    make_data=data.two_classes,
    n_samples=500,
    options={"max_iter": 100},
    grid={"hidden_layer_sizes": [(16,), (32,)], "alpha": [1e-4, 1e-2], "learning_rate_init": [1e-3, 1e-2]},
    floors=(6, 6),
)

_HASHED_TEXT = Fit(
    name="hashed_text",
    work="5 epochs, (4,)",
    make_data=data.hashed_text,
    n_samples=400,
    options={"hidden_layer_sizes": (4,), "max_iter": 5, **_TO_THE_END},
    floors=(1, 1),
    most_memory=1.2,
)

_TFIDF = Fit(
    name="tfidf",
    work="5 epochs, all defaults",
    make_data=data.tfidf,
    n_samples=2000,
    options={"max_iter": 5, **_TO_THE_END},
    floors=(1, 1),
)

_MANY = ManyEstimators(
    name="fit_many",
    work="fit_many of 200, 50 epochs, (32,); 2 processes of joblib's",
    make_data=functools.partial(data.in_type, "float32", data.two_classes),
    n_samples=2000,
    options={"hidden_layer_sizes": (32,), "max_iter": 50, "batch_size": 32, "alpha": 0.0, "tol": 0.0, **_TO_THE_END},
    floors=(None, 10),
    most_turns=3,
)

_MANY_NETWORKS = ManyNetworks(
    name="fit_many_networks",
    work="fit_many of 200, 50 epochs, 20-32-2",
    make_data=_MANY.make_data,
    n_samples=_MANY.n_samples,
    options=_MANY.options,
    floors=(None, 3),
)

#: Every call of estimators, at its full size.
CALLS: tuple[Call, ...] = (
    _MNIST,
    Fit(
        name="digits",
        work="fit to its own stop, all defaults",
        make_data=data.digits,
        n_samples=1797,
        floors=(3, 8),
    ),
    _HALF_PLANES,
    replace(
        _HALF_PLANES, name="half_planes_float64", make_data=functools.partial(data.in_type, "float64", data.half_planes)
    ),
    _REGRESSION,
    replace(
        _REGRESSION,
        name="regression_early_stopping",
        work="at most 20 epochs, early_stopping=True",
        options={**_REGRESSION.options, "early_stopping": True},
    ),
    _SEARCH,
    replace(_SEARCH, name="search_two_jobs", work="GridSearchCV, 8 × 3 fits, n_jobs=2", n_jobs=2),
    replace(
        _SEARCH,
        name="search_new_workers",
        work="GridSearchCV, 8 × 3 fits, n_jobs=2, workers started anew",
        n_jobs=2,
        fresh_workers=True,
        floors=(None, None),
    ),
    ThreadedSearch(
        name="search_threads",
        work="GridSearchCV, 8 × 3 fits, 2 threads",
        make_data=_SEARCH.make_data,
        n_samples=_SEARCH.n_samples,
        options=_SEARCH.options,
        grid=_SEARCH.grid,
        floors=(None, 1.7),
    ),
    Prediction(
        name="predict",
        work="predict of one row, (128,)",
        make_data=data.mnist_images,
        n_samples=2000,
        options={"hidden_layer_sizes": (128,), **_TO_THE_END},
        most_seconds=60e-6,
    ),
    _HASHED_TEXT,
    Prediction(
        name="hashed_text_predict",
        work="predict of 400 rows, (4,)",
        make_data=data.hashed_text,
        n_samples=400,
        options=_HASHED_TEXT.options,
        floors=(1, 1),
        n_calls=100,
        n_rows=400,
    ),
    _TFIDF,
    Prediction(
        name="tfidf_predict",
        work="predict of 2,000 rows, all defaults",
        make_data=data.tfidf,
        n_samples=2000,
        options=_TFIDF.options,
        floors=(1, 1),
        n_calls=50,
        n_rows=2000,
    ),
    _MANY,
    _MANY_NETWORKS,
)
