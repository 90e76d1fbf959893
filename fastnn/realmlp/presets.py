"""The hyperparameters of RealMLP, each with its place in the paper and its name in pytabkit.

They are those of table A.1 in appendix A of Holzmueller, Grinsztajn, Steinwart (2024), Better by Default, arXiv 2407.04491:
RealMLP-TD, tuned on 118 data sets, and the simplified RealMLP-TD-S.
"""

from dataclasses import dataclass

from fastnn.optimizers import AdamW
from fastnn.schedules import LogCosine, Schedule

#: Factors by group of parameters, as pairs.
Factors = tuple[tuple[str, float], ...]

#: The schedule of the learning rate.
FOUR_CYCLES = LogCosine(n_cycles=4)


@dataclass(frozen=True)
class Preset:
    """The hyperparameters of one variant of RealMLP for one task.

    Attributes
    ----------
    activation : str
        Activation of the hidden layers (pytabkit: ``act``).
    learning_rate : float
        Largest learning rate (``lr``).
    parametric : bool
        Whether activations are parametric (``use_parametric_act``).
    embeds : bool
        Whether numbers have periodic embeddings and large categories embeddings (``num_emb_type="pbld"``, ``embedding_size``).
    initializes_from_data : bool
        Whether initial weights and biases depend on the data (``weight_init_mode="std"``, ``bias_init_mode="he+5"``);
        otherwise both are normal, and 0 in the output layer.
    dropout, weight_decay : float
        Initial rates, of the schedule `FlatCosine` (``p_drop``, ``wd``; ``p_drop_sched``, ``wd_sched="flat_cos"``).
    label_smoothing : float
        Label smoothing (``ls_eps``).
    max_one_hot : int
        Largest number of levels of a category that is one-hot encoded (``max_one_hot_cat_size``, there with the missing one).
    clips_targets : bool
        Whether predicted numbers are limited to the range seen in training (``clamp_output``).
    hidden_layer_sizes : tuple of int
        Units of the hidden layers (``hidden_sizes``).
    n_epochs, batch_size : int
        Epochs, and samples per batch (``n_epochs``, ``batch_size``).
    beta_2 : float
        Decay rate of the mean square in Adam (``sq_mom``).
    schedule : Schedule
        Schedule of the learning rate (``lr_sched="coslog4"``).
    parametrization : str
        Parametrisation of the weights (``weight_param``).
    embedding_size, n_frequencies, n_outputs, deviation : int, int, int, float
        Size of embeddings of categories; and the number of frequencies, of outputs, and the initial deviation of frequencies
        of periodic embeddings (``embedding_size``, ``plr_hidden_1``, ``plr_hidden_2``, ``plr_sigma``).
    learning_rate_factors, weight_decay_factors : tuple of (str, float)
        Factors by group of parameters (``bias_lr_factor``, ``scale_lr_factor``, ``act_lr_factor``, ``plr_lr_factor``,
        ``bias_wd_factor``). In pytabkit a learning-rate factor f also multiplies the decay coefficient twice, so that the
        decay per step is f^2 times that of the weights: hence the decay factors, which come on top of f once.
    """

    activation: str
    learning_rate: float
    parametric: bool = True
    embeds: bool = True
    initializes_from_data: bool = True
    dropout: float = 0.15
    weight_decay: float = 0.02
    label_smoothing: float = 0.0
    max_one_hot: int = 8
    clips_targets: bool = True
    hidden_layer_sizes: tuple[int, ...] = (256, 256, 256)
    n_epochs: int = 256
    batch_size: int = 256
    beta_2: float = 0.95
    schedule: Schedule = FOUR_CYCLES
    parametrization: str = "ntk"
    embedding_size: int = 8
    n_frequencies: int = 16
    n_outputs: int = 4
    deviation: float = 0.1
    learning_rate_factors: Factors = (("biases", 0.1), ("input_scales", 6.0), ("activations", 0.1), ("periodic", 0.1))
    weight_decay_factors: Factors = (("biases", 0.0), ("input_scales", 6.0), ("activations", 0.1), ("periodic", 0.1))

    def optimizer(self) -> AdamW:
        """AdamW with these rates and factors."""
        return AdamW(
            self.learning_rate,
            beta_2=self.beta_2,
            weight_decay=self.weight_decay,
            learning_rate_factors=dict(self.learning_rate_factors),
            weight_decay_factors=dict(self.weight_decay_factors),
        )


#: What the simplified variant leaves out. It encodes all categories as one-hot columns, up to a number that fits in memory.
_SIMPLIFIED = {
    "parametric": False,
    "embeds": False,
    "initializes_from_data": False,
    "dropout": 0.0,
    "weight_decay": 0.0,
    "max_one_hot": 10_000,
    "clips_targets": False,
    "learning_rate_factors": (("biases", 0.1), ("input_scales", 6.0)),
    "weight_decay_factors": (),
}

#: Presets for classification and for regression, by name.
CLASSIFICATION = {
    "td": Preset("selu", 0.04, label_smoothing=0.1),
    "td-s": Preset("selu", 0.04, label_smoothing=0.1, **_SIMPLIFIED),  # type: ignore[arg-type]
}
REGRESSION = {
    "td": Preset("mish", 0.2),
    "td-s": Preset("mish", 0.07, **_SIMPLIFIED),  # type: ignore[arg-type]
}
