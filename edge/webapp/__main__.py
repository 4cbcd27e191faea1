"""`python -m edge.webapp`: serves the register, or does one thing with its data."""

import argparse
import logging
import sys
from pathlib import Path

from protos.errors import EdgeAssetsError


def main(arguments: list[str] | None = None) -> int:
    """Does what is asked for and returns the exit code: 0 done, 1 failed, 2 a setting is wrong."""
    parser = argparse.ArgumentParser(prog="python -m edge.webapp", description=__doc__)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    commands.add_parser("serve", help="migrate, make the first account, serve (the default)")
    export = commands.add_parser(
        "export-corrections", help="write new corrections as a CSV batch; tells its path"
    )
    export.add_argument(
        "--to", type=Path, default=Path(), metavar="FOLDER", help="such as the landing folder"
    )
    export.add_argument("--batch", metavar="NAME", help="an earlier batch again")
    manage = commands.add_parser("manage", help="any command of Django, such as changepassword")
    manage.add_argument("rest", nargs=argparse.REMAINDER)
    options = parser.parse_args(arguments)
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    logging.getLogger("azure").setLevel(logging.WARNING)
    # What a browser did wrong is told to the browser.
    for name in ("django.request", "django.security", "waitress.queue"):
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        return _do(options)
    except EdgeAssetsError as error:
        logging.getLogger("edge.webapp").error("%s", error)
        return error.exit_code


def _do(options: argparse.Namespace) -> int:
    from edge.webapp.server import prepare, serve, set_up

    config = set_up()
    if options.command == "manage":
        from django.core.management import execute_from_command_line

        execute_from_command_line(["python -m edge.webapp manage", *options.rest])
        return 0
    if options.command == "export-corrections":
        from django.core.management import call_command

        prepare(config)
        call_command("export_corrections", to=options.to, batch=options.batch)
        return 0
    return serve(config)


if __name__ == "__main__":
    sys.exit(main())
