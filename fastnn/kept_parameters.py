"""Constructor parameters of estimators, kept as scikit-learn requires."""

from inspect import signature
from typing import Any

from sklearn.base import BaseEstimator


class KeptParameters(BaseEstimator):
    """Base of estimators whose constructors only store their arguments, by ``self._keep(locals())``."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "__init__" in vars(cls):  # scikit-learn inspects its signature in every clone and fit
            cls.__init__.__signature__ = signature(cls.__init__)  # type: ignore[attr-defined]

    def _keep(self, parameters: dict[str, Any]) -> None:
        """Store the constructor's arguments, unchecked and unchanged."""
        for name, value in parameters.items():
            if name not in ("self", "__class__"):
                setattr(self, name, value)
