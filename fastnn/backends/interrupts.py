"""Ctrl-C, and other signals, while code runs in which an exception would be lost.

Python runs the handler of a signal in the main thread wherever that is, and what the handler raises goes up from there. Within
a C callback, such as those of LLVM when it has compiled a function, it goes nowhere: it is printed and forgotten.
"""

import signal
import threading
from contextlib import ExitStack


class KeptSignals:
    """Within it, signals that have a handler in Python are kept; they are handled on leaving, each once.

    A signal that comes a second time is handled at once, as whoever sent it does not want to wait. Only the main thread
    handles signals, so in any other nothing is to be done.
    """

    def __enter__(self):
        self.kept, self.handlers, self.is_over = {}, {}, False
        if threading.current_thread() is threading.main_thread():
            for number in signal.valid_signals():
                handler = signal.getsignal(number)
                if callable(handler):
                    self.handlers[number] = handler
                    signal.signal(number, self._keep)
        return self

    def _keep(self, number, frame):
        if self.is_over or number in self.kept:
            self.handlers[number](number, frame)
        else:
            self.kept[number] = frame

    def __exit__(self, *exception):
        with ExitStack() as stack:  # all of it happens, last things first, whatever is raised in between
            for number, frame in self.kept.items():
                stack.callback(self.handlers[number], number, frame)
            for number, handler in self.handlers.items():
                stack.callback(signal.signal, number, handler)
            self.is_over = True
