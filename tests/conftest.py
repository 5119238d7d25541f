"""What all tests begin with."""

import signal

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell without job control has what runs in its background ignore Ctrl-C, which processes pass on.
    signal.signal(signal.SIGINT, signal.default_int_handler)
