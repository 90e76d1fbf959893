"""The options of ``fastnn train`` in groups: frozen dataclasses, passed to estimators and networks as keyword arguments."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, NamedTuple, Self

from fastnn import datasets
from fastnn.datasets import Dataset
from fastnn.optimizers import Optimizer
from fastnn.schedules import Schedule

# Early stopping, the default for files.
PATIENCE = 10  # epochs
VALIDATION_FRACTION = 0.1  # of the training samples


@dataclass(frozen=True, kw_only=True)
class Group:
    """Options that belong together, one per field."""

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Self:
        """The group with the options of a command that have the names of its fields."""
        return cls(**{field.name: options[field.name] for field in fields(cls)})

    def keywords(self, names: Mapping[str, str]) -> dict[str, Any]:
        """The fields as keyword arguments; `names` maps fields to parameters that have another name."""
        return {names.get(field.name, field.name): getattr(self, field.name) for field in fields(self)}


@dataclass(frozen=True, kw_only=True)
class Source(Group):
    """Where the samples come from, and how to read them."""

    data: str | Path
    data_dir: Path | None = None
    target: str | None = None
    task: str = "auto"
    drop: tuple[str, ...] = ()
    decimal: str | None = None

    @property
    def is_file(self) -> bool:
        """Whether the samples come from a file, rather than a built-in data set."""
        return isinstance(self.data, Path)

    @property
    def model_file(self) -> Path:
        """The default name of the model file."""
        name = datasets.table_name(self.data) if isinstance(self.data, Path) else self.data
        return Path(f"{name}-model.safetensors")

    @property
    def is_table(self) -> bool:
        """Whether the samples come from a table, whose columns have names."""
        return isinstance(self.data, Path) and datasets.file_type(self.data) not in (".npz", ".npy")

    def load(self, seed: int, *, as_frame: bool = False) -> Dataset:
        """Read or generate the samples; those of a table as a data frame if `as_frame`."""
        if isinstance(self.data, str):
            return datasets.load_named(self.data, data_dir=self.data_dir, seed=seed)
        options: dict[str, Any] = {"target": self.target, "task": self.task, "drop": self.drop, "decimal": self.decimal}
        return datasets.load_table(self.data, as_frame=as_frame, **options)


@dataclass(frozen=True, kw_only=True)
class ModelChoice(Group):
    """The kind of model, None for the default of the data, and the options of a RealMLP."""

    model: str | None
    preset: str
    n_members: int | None


@dataclass(frozen=True, kw_only=True)
class Design(Group):
    """The network and its arithmetic: arguments of `Network` and of the estimators."""

    hidden: tuple[int, ...]
    activation: str
    normalization: str | None
    dropout: float
    backend: str
    dtype: str
    n_threads: int | None
    seed: int


@dataclass(frozen=True, kw_only=True)
class Preparation(Group):
    """How features, targets and sample weights are prepared before training."""

    standardize: bool | None
    label_smoothing: float
    class_weight: str | None

    def completed(self, dataset: Dataset) -> Self:
        """The same options, with the default of the data set."""
        return replace(self, standardize=dataset.standardize) if self.standardize is None else self


@dataclass(frozen=True, kw_only=True)
class Descent(Group):
    """How to train; the defaults of fields that are None depend on the task, the optimizer or the number of samples."""

    epochs: int | None
    batch_size: int | None
    optimizer: str
    learning_rate: float | None
    momentum: float | None
    schedule: str
    l2: float
    weight_decay: float | None
    max_grad_norm: float | None


@dataclass(frozen=True, kw_only=True)
class Training(Group):
    """A `Descent` with all defaults for given samples: arguments of `Network.fit` and of the estimators."""

    optimizer: Optimizer
    schedule: Schedule
    epochs: int
    batch_size: int


@dataclass(frozen=True, kw_only=True)
class Stopping(Group):
    """Whether and when to stop early, and the fraction of the training samples used for validation."""

    early_stopping: bool | None = None  # None: if there are enough samples
    patience: int | None = None
    validation_fraction: float | None = None

    def completed(self, is_file: bool) -> Self:
        """The same options with defaults: early stopping is on for files, and if there is a patience."""
        requested = bool(self.early_stopping) or self.patience is not None
        if self.early_stopping is False or not (is_file or requested):
            return replace(self, early_stopping=False)
        return replace(
            self,
            early_stopping=True if requested or self.validation_fraction is not None else None,
            patience=self.patience or PATIENCE,
            validation_fraction=self.validation_fraction or VALIDATION_FRACTION,
        )


@dataclass(frozen=True, kw_only=True)
class Files(Group):
    """The files to write, what the model file contains, and whether to resume from the checkpoint."""

    output: Path
    keeps_hashes: bool
    plot: Path | None
    checkpoint: Path | None
    resume: bool


class Options(NamedTuple):
    """All options of ``fastnn train``; each belongs to exactly one group."""

    source: Source
    choice: ModelChoice
    design: Design
    preparation: Preparation
    descent: Descent
    stopping: Stopping
    files: Files

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Self:
        """The options of the command in groups, with a name for the model file if none was given."""
        source = Source.of(options)
        return cls(
            source,
            ModelChoice.of(options),
            Design.of(options),
            Preparation.of(options),
            Descent.of(options),
            Stopping.of(options),
            Files.of({**options, "output": options["output"] or source.model_file}),
        )
