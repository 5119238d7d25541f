"""How the Max package is made: small parts of patches, devices and code, put together by ``build.py``."""
