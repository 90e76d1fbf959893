"""Which model ``fastnn train`` trains: a RealMLP for tables, a plain multi-layer perceptron for everything else."""

from collections.abc import Mapping
from dataclasses import fields

import click

from fastnn.cli.groups import Descent, Design, Group, ModelChoice, Options, Preparation, Stopping

MLP, REALMLP = "mlp", "realmlp"

#: Options of both models, among the groups of options that describe how an mlp is trained.
OF_BOTH = ("seed", "n_threads", "class_weight", "epochs", "backend")


def _names(*groups: type[Group]) -> list[str]:
    return [field.name for group in groups for field in fields(group)]


#: Options that only one model has.
OF_MLP = [name for name in _names(Design, Preparation, Descent, Stopping) if name not in OF_BOTH]
OF_MLP += ["checkpoint", "resume", "plot"]
OF_REALMLP = [name for name in _names(ModelChoice) if name != "model"]

#: Options that show that an mlp is meant, if no model is named.
SUGGEST_MLP = [*OF_MLP, "backend"]


def choose_model(chosen: Options, given: Mapping[str, str]) -> tuple[str, str]:
    """The model, and why, in words for the report; `given` maps the options on the command line to their spellings."""
    for_mlp, for_realmlp, suggestive = (
        [given[name] for name in names if name in given] for names in (OF_MLP, OF_REALMLP, SUGGEST_MLP)
    )
    named = chosen.choice.model
    if named is not None:
        foreign = for_realmlp if named == MLP else for_mlp
        if foreign:
            other = REALMLP if named == MLP else MLP
            raise click.UsageError(f"{foreign[0]} is for --model {other}, but --model is {named}.")
        return named, "as requested"
    if for_realmlp and for_mlp:
        raise click.UsageError(
            f"{for_realmlp[0]} is for --model {REALMLP}, and {for_mlp[0]} for --model {MLP}: leave one of them out."
        )
    if for_realmlp:
        return REALMLP, f"because of {for_realmlp[0]}"
    if not chosen.source.is_table:
        return MLP, ""
    if suggestive:
        return MLP, f"because of {suggestive[0]}; the default for tables is --model {REALMLP}"
    return REALMLP, f"the default for tables; --model {MLP} trains a plain network"
