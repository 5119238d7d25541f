"""``klustr-bridge lan``: at which address a phone reaches the bridge that runs, and a new token."""

import argparse
import os
import shutil
import sys

from klustr_bridge.bridge.lan import kept_token, new_token
from klustr_bridge.bridge.lan_words import lines_for_phone
from klustr_bridge.cli.library import chosen_library
from klustr_bridge.library.lock import daemon_of
from klustr_bridge.settings import LoadedSettings, lan_token_file


def lan(namespace: argparse.Namespace, loaded: LoadedSettings) -> int:
    """Show the address with the token, and its QR code where the terminal can."""
    file = lan_token_file()
    if namespace.renew:
        new_token(file)
        print("there is a new token; what had the old one is out within two seconds")
    library = chosen_library(loaded.settings)
    daemon = daemon_of(library)
    if daemon is None or not daemon.lan:
        found = (
            "no bridge runs"
            if daemon is None
            else f"the bridge that runs (pid {daemon.pid}) serves this machine alone"
        )
        print(f"{found}; start it with --lan: klustr-bridge --lan", file=sys.stderr)
        return 0 if namespace.renew else 1
    columns, term = shutil.get_terminal_size().columns, os.environ.get("TERM", "")
    for line in lines_for_phone(daemon.lan, daemon.http_port, kept_token(file), sys.stdout, term, columns):
        print(line)
    return 0
