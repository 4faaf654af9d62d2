"""`python -m watchtower` and the installed command."""

from watchtower.cli import main

if __name__ == "__main__":
    main()
