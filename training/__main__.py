"""``python -m training``: says what is missing before anything of it is needed."""

import importlib.util
import sys

if missing := [name for name in ("torch", "onnx", "onnxruntime") if importlib.util.find_spec(name) is None]:
    sys.exit(f"training: {', '.join(missing)} can't be found; .venv/bin/pip install -e '.[test,train]'")

from training.commands import main

sys.exit(main())
