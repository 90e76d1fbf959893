"""Tables of numbers and categories as the matrix of floats that a network for tables is trained on.

The encoding is that of RealMLP: D. Holzmüller, L. Grinsztajn and I. Steinwart, "Better by Default: Strong Pre-Tuned MLPs
and Boosted Trees on Tabular Data", NeurIPS 2024, arXiv 2407.04491, section 3.
"""

from fastnn.tabular.columns import Column
from fastnn.tabular.encoder import TableEncoder
from fastnn.tabular.scaling import RobustScaling, smooth_clip
from fastnn.tabular.state import encoder_state, restored_encoder

__all__ = ["Column", "RobustScaling", "TableEncoder", "encoder_state", "restored_encoder", "smooth_clip"]
