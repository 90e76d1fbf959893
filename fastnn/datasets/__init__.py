"""Training data: bundled and generated data sets by name, MNIST from its original files, and your own tables.

Everything becomes a `Dataset`: features X (n_samples, n_features), and targets y (n_samples,), which are class indices
from 0 for classification and numbers for regression.
"""

from fastnn.datasets.dataset import Dataset, split
from fastnn.datasets.idx import read_idx
from fastnn.datasets.mnist import MNIST_STEMS, load_mnist
from fastnn.datasets.named import NAMES, load_named
from fastnn.datasets.tables import FILE_TYPES, file_type, load_samples, load_table, table_name
from fastnn.datasets.targets import TASKS
from fastnn.datasets.words import is_missing

__all__ = [
    "FILE_TYPES",
    "MNIST_STEMS",
    "NAMES",
    "TASKS",
    "Dataset",
    "file_type",
    "is_missing",
    "load_mnist",
    "load_named",
    "load_samples",
    "load_table",
    "read_idx",
    "split",
    "table_name",
]
