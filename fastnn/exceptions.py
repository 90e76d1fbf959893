"""Exceptions raised by fastnn."""


class DivergenceError(ArithmeticError):
    """The training loss became NaN or infinite; the parameters from before that epoch or batch are restored.

    With `EarlyStopping`, those of the best epoch are restored instead.
    """
