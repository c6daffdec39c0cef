"""`python -m bot` is `callboard`."""

from bot.cli.main import main

if __name__ == "__main__":
    main()
