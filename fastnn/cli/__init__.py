"""The command line: ``fastnn train``, ``fastnn predict``, ``fastnn export``, ``fastnn gradcheck`` and ``fastnn info``.

A command loads its data, calls the library and prints a report. `Commands.invoke` turns exceptions from the library into
one-line messages on standard error.
"""

import sys
from typing import Any

import click

import fastnn
from fastnn.cli import export, gradcheck, info, predict, train
from fastnn.cli.training import INTERRUPTED


class Commands(click.Group):
    """Turns exceptions from the library into one-line messages, and Ctrl-C into its exit status."""

    def main(self, *args: Any, **options: Any) -> Any:
        """Run the program, with output streams that accept any character."""
        for stream in (sys.stdout, sys.stderr):
            _replace_what_it_lacks(stream)
        return super().main(*args, **options)

    def invoke(self, context: click.Context) -> Any:
        """Run a command."""
        try:
            return super().invoke(context)
        except (click.ClickException, click.Abort, click.exceptions.Exit, BrokenPipeError):
            raise
        except KeyboardInterrupt:
            click.echo("Interrupted.", err=True)
            context.exit(INTERRUPTED)
        except (ValueError, TypeError, OSError, ImportError, MemoryError, fastnn.DivergenceError) as error:
            if context.params["traceback"]:
                raise
            raise click.ClickException(_sentence(error)) from error


def _replace_what_it_lacks(stream: Any) -> None:
    """Let a stream print "?" for characters that its encoding lacks, such as Greek letters in cp1252."""
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(errors="replace")


def _sentence(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}." if error.filename else f"{error.strerror}."
    if isinstance(error, MemoryError):
        return f"Not enough memory. {error}".strip()
    return " ".join(str(error).split()) or type(error).__name__


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100, "show_default": True},
)
@click.version_option(fastnn.__version__, prog_name="fastnn")
@click.option("--traceback", is_flag=True, help="Show the traceback of an error, for a bug report.")
def main(traceback: bool) -> None:
    """Train feed-forward neural networks on the CPU.

    Start with "fastnn train": without arguments it learns to classify handwritten digits, in seconds.
    """


for command in (train.train, predict.predict, export.export, gradcheck.gradcheck, info.info):
    main.add_command(command)
