"""Errors that are fastnn's own."""


class DivergenceError(ArithmeticError):
    """The training loss became NaN or infinite; the parameters are those from before that epoch."""
