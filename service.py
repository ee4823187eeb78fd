"""Huifang's entry point in the source tree; `pip install .` gives the same commands as `huifang`."""

from ivr.cli.app import app

if __name__ == "__main__":
    app()
