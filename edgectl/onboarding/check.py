"""`edgectl model check`: the contract of one edge model, without Dagster."""

from pathlib import Path

import click

from edgectl.output import following, json_option, progress


@click.command(
    epilog="\b\nExamples:\n  edgectl model check nyc_taxi\n  edgectl model check ./my_model --json"
)
@click.argument("name")
@click.option(
    "--rows",
    type=click.IntRange(50, 100_000),
    help="Sample rows to go by; default: sample.rows of model.yaml, at most 20000.",
)
@json_option
@click.pass_context
def check(context: click.Context, name: str, rows: int | None, as_json: bool) -> None:
    """Check all that the chain asks of the model NAME, or of a folder; nothing is changed.

    Exit codes: 0 all is well, 3 the chain would refuse the model, 1 a function does not do what it
    must.
    """
    import json
    import os

    from edge_assets.core.folders import model_folder
    from edge_assets.onboarding.checking import check_model, exit_code

    given = Path(name)
    folder = given if (given / "model.yaml").is_file() else model_folder(name)
    found = []
    for outcome in check_model(folder, rows=rows):
        found.append(outcome)
        if outcome.trace and os.environ.get("EDGE_DEBUG"):
            progress(outcome.trace)
        if not as_json:
            click.echo(f"{outcome.name:<12}  {outcome.state:<10}  {outcome.reason}")
    code = exit_code(found)
    failed = [outcome.name for outcome in found if outcome.failed]
    open_ends = [outcome.name for outcome in found if outcome.state == "not proven"]
    if as_json:
        document = {
            "model": folder.name,
            "exit_code": code,
            "failed": failed,
            "not_proven": open_ends,
            "checks": [
                {"name": o.name, "state": o.state, "reason": o.reason, "gate": o.gate}
                for o in found
            ],
        }
        click.echo(json.dumps(document, indent=2))
    if failed:
        progress(f"{len(failed)} of {len(found)} checks failed: {', '.join(failed)}")
    else:
        proven = len(found) - len(open_ends)
        progress(
            f"{proven} checks are ok" + (f", not proven: {', '.join(open_ends)}" * bool(open_ends))
        )
        if "sample" not in open_ends:
            following(f"edgectl data sample {folder.name}    deliver sample data to the chain")
    context.exit(code)
