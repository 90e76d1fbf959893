"""Deferring Ctrl-C and other signals while code runs in which an exception would be lost.

Python runs signal handlers in the main thread, at whatever point it has reached, and their exceptions propagate from there.
Within a C callback, such as those LLVM makes after compiling a function, an exception is printed and lost.
"""

import signal
import threading
from contextlib import ExitStack


class KeptSignals:
    """Context manager that defers signals with a Python handler; on exit, each is handled once.

    A signal that arrives a second time is handled at once, because its sender does not want to wait. Only the main thread
    handles signals, so in other threads this does nothing.
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
        with ExitStack() as stack:  # runs all callbacks, last one first, even if some of them raise
            for number, frame in self.kept.items():
                stack.callback(self.handlers[number], number, frame)
            for number, handler in self.handlers.items():
                stack.callback(signal.signal, number, handler)
            self.is_over = True
