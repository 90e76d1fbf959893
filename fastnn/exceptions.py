"""Errors that are fastnn's own."""


class DivergenceError(ArithmeticError):
    """The training loss became NaN or infinite; the parameters are those from before that epoch or batch.

    Or those of the best epoch, where an `EarlyStopping` kept them.
    """
