"""`edgectl model schema`: the JSON schema of `model.yaml`, for editors."""

import click


@click.command(epilog="\b\nExample:\n  edgectl model schema > model.schema.json")
def schema() -> None:
    """Print the JSON schema of model.yaml.

    An editor with a YAML language server then completes keys and shows what they mean, in a file
    whose first line is: # yaml-language-server: $schema=../model.schema.json
    """
    from edge_assets.onboarding.schema import schema_text

    click.echo(schema_text(), nl=False)
