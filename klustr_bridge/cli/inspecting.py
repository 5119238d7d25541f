"""Commands that look at the installation: config, doctor, service."""

import argparse
import sys

from klustr_bridge.cli.library import chosen_library
from klustr_bridge.settings import LoadedSettings, demo_library_file, describe, given_flags
from klustr_bridge.settings.values import printable


def config(namespace: argparse.Namespace, loaded: LoadedSettings) -> int:
    """Print the settings in force and where each came from."""
    file = chosen_library(loaded.settings)
    whose = " (the demo's)" if file == demo_library_file() else ""
    print(f"# library in force: {printable(str(file))}{whose}")
    print(describe(loaded), end="")
    return 0


def doctor(namespace: argparse.Namespace, loaded: LoadedSettings) -> int:
    """Check what the bridge needs and say how to mend what doesn't work."""
    from klustr_bridge.doctor import format_checks, ok, run_checks

    checks = run_checks(loaded.settings, chosen_library(loaded.settings))
    print(format_checks(checks))
    return 0 if ok(checks) else 1


def service(namespace: argparse.Namespace, loaded: LoadedSettings) -> int:
    """Install, remove or look at the service that starts the bridge with the computer."""
    from klustr_bridge import service as services
    from klustr_bridge.settings.table import BY_KEY

    if namespace.action == "install":
        options: list[str] = []
        for key, value in given_flags(namespace).items():
            for one in [value] if isinstance(value, str) else value:
                options += [f"{BY_KEY[key].flag}={one}"]
        if hasattr(namespace, "settings_file"):
            options += [f"--settings={namespace.settings_file}"]
        report = services.install(options)
    else:
        report = services.remove() if namespace.action == "remove" else services.status()
    print("\n".join(report.lines), file=sys.stdout if report.ok else sys.stderr)
    return 0 if report.ok else 1
